// How long ago, and how much of what is allowed: the words of the overview's tables.
import { lasting, measured } from "./quantity.js";

/** Return how long before `now`, unix seconds, a time was; of another day the time. */
export function ago(time, now) {
  const seconds = now - Date.parse(time) / 1000;
  return seconds > 86400 ? time.replace("T", " ").replace("Z", "") : `${lasting(Math.max(seconds, 0))} ago`;
}

/** Return how many were raised beside how many a week are allowed. */
export function budget(facts) {
  if (!facts) return "–";
  return `${facts.alarms} (${measured(facts.per_week, "")} a week)`;
}
