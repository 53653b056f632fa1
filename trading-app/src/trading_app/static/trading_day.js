// The trading day of a time, by the day boundary: a time of day in a zone.

const DAY_MS = 86400000;

// "2026-01-31" for milliseconds since 1970. The day has the date that more of it has: with a boundary from noon on, that
// of its end. `at` is "17:00". A zone that the browser does not know is UTC.
export function tradingDay(time, zone, at) {
  const local = Object.fromEntries(clock(zone).formatToParts(time).map(({ type, value }) => [type, value]));
  const date = Date.parse(`${local.year}-${local.month}-${local.day}T00:00:00Z`);
  const isLate = `${local.hour}:${local.minute}` >= at, endsIt = at >= "12:00";
  return isoDay(date + (endsIt ? isLate : isLate - 1) * DAY_MS);
}

export function isoDay(time) {
  return new Date(time).toISOString().slice(0, 10);
}

export function daysBefore(day, count) {
  return isoDay(Date.parse(`${day}T00:00:00Z`) - count * DAY_MS);
}

function clock(zone) {
  const parts = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  try {
    return new Intl.DateTimeFormat("en", { ...parts, timeZone: zone });
  } catch {
    return new Intl.DateTimeFormat("en", { ...parts, timeZone: "UTC" });
  }
}
