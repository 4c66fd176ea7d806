// From values to places on the screen, and where marks belong on an axis.

/** Return a linear or logarithmic scale from [low, high] to [from, to]. */
export function scale(low, high, from, to, logarithmic = false) {
  const inner = logarithmic ? (v) => Math.log10(Math.max(v, low)) : (v) => v;
  // Halves, so that the range of two extreme values does not overflow.
  const a = inner(low) / 2;
  const b = inner(high) / 2;
  return (value) => (b > a ? from + ((inner(value) / 2 - a) / (b - a)) * (to - from) : (from + to) / 2);
}

/** Return at most about `most` round values between two. */
export function ticks(low, high, most = 4) {
  const rough = high / most - low / most;
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough * 0.999);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + step * 1e-9 && found.length <= 2 * most; i += 1) found.push(i * step);
  return found;
}

/** Return powers of ten between two positive values, every so many. */
export function decades(low, high, most = 4) {
  const [a, b] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const step = Math.max(1, Math.ceil((b - a + 1) / most));
  const found = [];
  for (let i = a; i <= b; i += step) found.push(10 ** i);
  return found.length ? found : [high];
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000];

/** Return at most about `most` round times between two, unix seconds. */
export function moments(first, last, most = 6) {
  const rough = (last - first) / most;
  const step = STEPS.find((s) => s >= rough) ?? Math.ceil(rough / 2592000) * 2592000;
  const found = [];
  for (let t = Math.ceil(first / step) * step; t <= last; t += step) found.push(t);
  return found;
}

/** Return the least and the greatest of lists with nulls in them; null if there is none. */
export function extent(...lists) {
  let low = Infinity;
  let high = -Infinity;
  for (const list of lists) {
    for (const value of list) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}
