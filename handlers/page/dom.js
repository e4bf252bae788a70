// Making elements. Text is only ever set as text, never as markup.
const SVG = 'http://www.w3.org/2000/svg';

export const find = (id) => document.getElementById(id);

function build(e, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? '' : value);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== ''));
  return e;
}

export const el = (tag, attributes = {}, ...children) => build(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) => build(document.createElementNS(SVG, tag), attributes, children);
export const icon = (name) => svg('svg', { class: 'icon', 'aria-hidden': 'true' }, svg('use', { href: '#i-' + name }));

// english marks what the service says in its own words.
export const english = (tag, text, attributes = {}) => el(tag, { lang: 'en', ...attributes }, text);

// setText writes only what differs: the browser then has nothing to do.
export function setText(e, text) {
  if (e.textContent !== text) e.textContent = text;
}
