// Under LANG=C WebKitGTK reports the language "C", on which every Intl constructor throws.
try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en' });
  Object.defineProperty(navigator, 'languages', { value: Object.freeze(['en']) });
}
