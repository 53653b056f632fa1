// Calls of the app's API.

// The answer of a call; throws an error with the app's own words.
export async function ask(path, options = {}) {
  return (await askPage(path, options)).body;
}

// The same, with the address of the next page: empty on the last one. A body that is not JSON is its text.
export async function askPage(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { Accept: "application/json", ...options.headers } });
  } catch {
    throw new Error("No answer. Is the app running?");
  }
  const isJson = answer.headers.get("Content-Type")?.includes("json");
  const body = await (isJson ? answer.json() : answer.text()).catch(() => ({}));
  if (answer.ok) return { body, next: /<([^>]+)>; rel="next"/.exec(answer.headers.get("Link") ?? "")?.[1] ?? "" };
  const details = (body?.errors ?? []).map(({ detail }) => detail);
  throw new Error([body?.detail ?? `The app answered ${answer.status}`, ...details].join("; "));
}
