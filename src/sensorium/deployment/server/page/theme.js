// Runs before anything is painted: the look and the language of the last visit, else the system's.
{
  const kept = (name) => {
    try {
      return localStorage.getItem(`sensorium.${name}`);
    } catch {
      return null; // storage is forbidden: nothing is remembered
    }
  };
  const root = document.documentElement;
  const theme = kept("theme");
  if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  const language = kept("language") ?? navigator.language;
  root.lang = language.startsWith("zh") ? "zh-CN" : "en";
}
