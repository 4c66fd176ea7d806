// Numbers and times for people, in the words of `coral/text.py`.

const SIZES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]];

// As Python writes a number with so many significant digits.
function digits(value, most = 4) {
  if (value === 0 || !Number.isFinite(value)) return String(value === 0 ? 0 : value);
  const [mantissa, exponent] = value.toExponential(most - 1).split("e");
  if (exponent >= -4 && exponent < most) return String(Number(value.toPrecision(most)));
  return `${Number(mantissa)}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}

function plain(value) {
  for (const [size, letter] of SIZES) {
    if (Math.abs(value) >= size && Math.abs(value) < 1e15) return digits(value / (letter === "k" ? 1e3 : size)) + letter;
  }
  return digits(value);
}

function scaled(value, steps, smallest) {
  for (const [size, unit] of steps) {
    if (Math.abs(value) >= size) return `${plain(value / size)} ${unit}`;
  }
  return `${plain(value)} ${smallest}`;
}

/** Return a value in its unit: "s", "s/s", "B", "B/s", or one that is written behind it. */
export function measured(value, unit) {
  if (value === null || value === undefined) return "no value";
  if (unit === "s" || unit === "s/s") return scaled(value, [[1, "s"], [1e-3, "ms"], [1e-6, "µs"]], "s") + unit.slice(1);
  if (unit === "B" || unit === "B/s") return scaled(value, [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]], "B") + unit.slice(1);
  return plain(value) + unit;
}

/** Return a length of time in the one or two units that suit it. */
export function lasting(seconds) {
  const size = Math.abs(seconds);
  for (const [length, unit, part, partUnit] of [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]]) {
    if (size >= 2 * length) {
      const parts = Math.round(size / part);
      const rest = parts % (length / part);
      const whole = (parts - rest) / (length / part);
      return rest ? `${whole} ${unit} ${rest} ${partUnit}` : `${whole} ${unit}`;
    }
  }
  return `${digits(size, 3)} s`;
}

/** Return the time of day of unix seconds in UTC, with the day if asked for. */
export function clock(seconds, day = false) {
  const text = new Date(1000 * seconds).toISOString();
  return day ? `${text.slice(0, 10)} ${text.slice(11, 19)}` : text.slice(11, 19);
}
