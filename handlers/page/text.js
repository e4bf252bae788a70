// Words, numbers and times in the reader's language.
import en from '/page/text.en.js';
import de from '/page/text.de.js';
import fr from '/page/text.fr.js';

export const texts = { en, de, fr };

function choose() {
  const wanted = [new URLSearchParams(location.search).get('lang'), ...navigator.languages];
  return wanted.map((l) => (l || '').slice(0, 2).toLowerCase()).find((l) => l in texts) || 'en';
}

export const language = choose();
// The regional form, if the browser has one of this language: 24 or 12 hours, points or commas.
const locale = navigator.languages.find((l) => l.toLowerCase().startsWith(language)) || language;
const numbers = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const plural = new Intl.PluralRules(locale);
const dates = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
const clocks = new Intl.DateTimeFormat(locale, { timeStyle: 'medium' });
const moments = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });

// t gives the text of a key with its {places} filled; a key that is missing is shown as it is.
export function t(key, places = {}) {
  return (texts[language][key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => places[name] ?? whole);
}

export const known = (key) => key in texts[language];
export const number = (n) => numbers.format(n);
export const persons = (n) => t(plural.select(n) === 'one' ? 'persons.one' : 'persons.other', { n: number(n) });
export const date = (at) => dates.format(new Date(at));
export const clock = (at) => clocks.format(new Date(at));
export const moment = (at) => moments.format(new Date(at));

const units = { en: ['d', 'h', 'min', 's'], de: ['T', 'h', 'min', 's'], fr: ['j', 'h', 'min', 's'] }[language];

// span tells a length of time with at most two units.
export function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  const parts = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60, s % 60];
  const first = parts.findIndex((p) => p > 0);
  if (first < 0) return '0\u00a0' + units[3];
  const keep = first === 0 && parts[0] >= 10 ? 1 : 2;
  return parts.slice(first, first + keep).map((p, i) => (p > 0 ? `${p}\u00a0${units[first + i]}` : '')).filter(Boolean).join(' ');
}

// fromNow tells how far a moment is away.
export function fromNow(at) {
  const ms = new Date(at) - Date.now();
  if (Math.abs(ms) < 1000) return t('now');
  return ms > 0 ? t('inTime', { t: span(ms) }) : t('ago', { t: span(-ms) });
}

// translate fills what the document itself says.
export function translate() {
  document.documentElement.lang = language;
  for (const e of document.querySelectorAll('[data-t]')) e.textContent = t(e.dataset.t);
  for (const e of document.querySelectorAll('[data-label]')) e.setAttribute('aria-label', t(e.dataset.label));
  for (const e of document.querySelectorAll('[data-placeholder]')) e.placeholder = t(e.dataset.placeholder);
}
