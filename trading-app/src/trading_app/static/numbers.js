// Exact decimals as text, as the API sends them. No amount shown goes through a binary float.

const MINUS = "\u2212";

function parse(text) {
  const [whole, fraction = ""] = text.split(".");
  return { units: BigInt(whole + fraction), decimals: fraction.length };
}

function write(units, decimals) {
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  return (units < 0n ? "-" : "") + whole + (decimals ? "." + digits.slice(-decimals) : "");
}

export function decimalsOf(text) {
  const point = text.indexOf(".");
  return point < 0 ? 0 : text.length - point - 1;
}

export function add(left, right) {
  const a = parse(left), b = parse(right), decimals = Math.max(a.decimals, b.decimals);
  return write(a.units * 10n ** BigInt(decimals - a.decimals) + b.units * 10n ** BigInt(decimals - b.decimals), decimals);
}

export function multiply(left, right) {
  const a = parse(left), b = parse(right);
  return write(a.units * b.units, a.decimals + b.decimals);
}

// -1, 0 or 1.
export function sign(text) {
  if (!/[1-9]/.test(text)) return 0;
  return text.startsWith("-") ? -1 : 1;
}

// Rounds to at most `decimals` decimals, half away from zero.
export function round(text, decimals) {
  const value = parse(text);
  if (value.decimals <= decimals) return text;
  const step = 10n ** BigInt(value.decimals - decimals);
  const half = value.units < 0n ? -step / 2n : step / 2n;
  return write((value.units + half) / step, decimals);
}

// Exactly `decimals` decimals: rounded, or padded with zeros.
export function fixed(text, decimals) {
  const rounded = round(text, decimals), missing = decimals - decimalsOf(rounded);
  return missing > 0 ? rounded + (decimalsOf(rounded) ? "" : ".") + "0".repeat(missing) : rounded;
}

// Removes trailing zeros after the point.
export function trim(text) {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

// "-1234567.50" is "−1,234,567.50".
export function group(text) {
  const [whole, fraction] = text.replace("-", "").split(".");
  const minus = text.startsWith("-") && sign(text) ? MINUS : "";
  return minus + whole.replace(/\B(?=(\d{3})+$)/g, ",") + (fraction === undefined ? "" : "." + fraction);
}

// The same with a plus before gains: colour alone must not mark them.
export function groupSigned(text) {
  return (sign(text) > 0 ? "+" : "") + group(text);
}

export function negate(text) {
  return text.startsWith("-") ? text.slice(1) : `-${text}`;
}

// Decimals for amounts that stand together: 2, or 8 where all of them are below 1.
export function decimalsToShow(texts) {
  return texts.some((text) => /[1-9]/.test(text.split(".")[0])) || !texts.some((text) => sign(text)) ? 2 : 8;
}

// At most five characters or so, for small cells: "+1.2k", "−310", "+4.25".
export function compact(text) {
  const value = Math.abs(Number(text)), plus = sign(text) > 0 ? "+" : sign(text) ? MINUS : "";
  for (const [limit, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (value >= limit) return `${plus}${(value / limit).toFixed(value < 100 * limit ? 1 : 0)}${letter}`;
  }
  if (value && value < 0.01) return plus + value.toPrecision(1);
  return plus + value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}
