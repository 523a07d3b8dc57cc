//! Gives the page a language that Intl accepts. Imported before anything else.
//
// Under `LANG=C` the webview reports the language "C", and libraries that hand it to Intl while they load (uPlot does)
// would take the whole page down with them.

import { usableLocale } from './format';

try {
  new Intl.NumberFormat(navigator.language);
} catch {
  const language = usableLocale(navigator.languages);
  Object.defineProperty(navigator, 'language', { value: language, configurable: true });
  Object.defineProperty(navigator, 'languages', { value: [language], configurable: true });
}
