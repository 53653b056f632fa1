// Calls of the app's API.

// The answer of a call; throws an error with the app's own words.
export async function ask(path, options = {}) {
  return (await askPage(path, options)).body;
}

// The same, with the address of the next page: empty on the last one.
export async function askPage(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { Accept: "application/json", ...options.headers } });
  } catch {
    throw new Error("No answer. Is the app running?");
  }
  const body = answer.status === 204 ? null : await answer.json().catch(() => ({}));
  if (answer.ok) return { body, next: /<([^>]+)>; rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1] ?? "" };
  const details = (body?.errors ?? []).map(({ detail }) => detail);
  throw new Error([body?.detail ?? `The app answered ${answer.status}`, ...details].join("; "));
}
