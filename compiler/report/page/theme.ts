/** The scheme that the reader's system asks for, and follows when it changes. */
import { useEffect, useState } from "preact/hooks";
import { darkTheme, lightTheme, type Theme } from "../map/colors.ts";

export function useTheme(): Theme {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const [isDark, setDark] = useState(dark.matches);
  useEffect(() => {
    const follow = (): void => {
      setDark(dark.matches);
    };
    dark.addEventListener("change", follow);
    return () => {
      dark.removeEventListener("change", follow);
    };
  }, []);
  return isDark ? darkTheme : lightTheme;
}
