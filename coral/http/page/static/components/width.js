// How wide a drawing may be: its text keeps its size on a telephone and on a wall.
import { useLayoutEffect, useRef, useState } from "./html.js";

/** Return a reference for the element that is measured, and its width in pixels. */
export function useWidth(otherwise = 720) {
  const element = useRef(null);
  const [width, setWidth] = useState(otherwise);
  useLayoutEffect(() => {
    const measure = () => setWidth(Math.max(240, Math.floor(element.current?.clientWidth || otherwise)));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return [element, width];
}
