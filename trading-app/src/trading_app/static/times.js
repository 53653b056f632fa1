// Times in the browser's time zone, by the app's clock: `setNow` measures how far this machine's clock is off.

let offset = 0;

export function setNow(seconds) {
  offset = seconds - Date.now() / 1000;
}

export function now() {
  return Date.now() / 1000 + offset;
}

const two = (number) => String(number).padStart(2, "0");
const known = new Map();

// 14:03:59; with the date in front if it is more than 12 hours away.
export function clock(seconds) {
  const text = timeOfDay(seconds);
  return Math.abs(Math.floor(seconds) - now()) > 43200 ? `${day(new Date(seconds * 1000))} ${text}` : text;
}

function timeOfDay(seconds) {
  const second = Math.floor(seconds);
  let text = known.get(second);
  if (text === undefined) {
    const date = new Date(second * 1000);
    text = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
    if (known.size > 2000) known.clear();
    known.set(second, text);
  }
  return text;
}

export function minute(seconds) {
  const date = new Date(seconds * 1000);
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

// 2026-01-31 14:03.
export function dayAndMinute(seconds) {
  return `${day(new Date(seconds * 1000))} ${minute(seconds)}`;
}

// 2026-01-31 14:03:59.
export function dayAndTime(seconds) {
  return `${day(new Date(seconds * 1000))} ${timeOfDay(seconds)}`;
}

// In which zone all of these are.
export function zoneWords() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return zone ? `Times are local (${zone}).` : "";
}

export function day(date) {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function age(seconds) {
  if (seconds < 1) return "now";
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}

export function secondsOf(timestamp) {
  return Date.parse(timestamp) / 1000;
}

// 93784 is "1 day 2 h".
export function lasting(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  const days = Math.floor(seconds / 86400);
  return `${days} ${days === 1 ? "day" : "days"} ${Math.floor((seconds % 86400) / 3600)} h`;
}
