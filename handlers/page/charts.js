// Two small charts: how much changes, and how long it takes.
import { el, find, svg } from '/page/dom.js';
import { number, t } from '/page/text.js';

const width = 300;
const high = 70;

// perMinute is the rate of the last whole minute.
export function perMinute(a) {
  const steps = 60 / a.seconds;
  return a.points.slice(-steps - 1, -1).reduce((sum, p) => sum + p.changes, 0);
}

// median of the latest point in which something was under way.
export const median = (a) => a.points.findLast((p) => p.p50)?.p50;

export const milliseconds = (ms) => `${number(ms >= 10 ? Math.round(ms) : ms)} ms`;

function frame(label, ...content) {
  return svg('svg', { viewBox: `0 0 ${width} ${high}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    svg('line', { class: 'grid', x1: 0, x2: width, y1: high, y2: high }), ...content);
}

function rate(a) {
  const most = Math.max(1, ...a.points.map((p) => p.changes));
  const step = width / a.points.length;
  const columns = a.points.map((p, i) => {
    const h = (p.changes / most) * (high - 4);
    return svg('rect', { class: i === a.points.length - 1 ? 'column now' : 'column', x: i * step, y: high - h, width: step * 0.75, height: h });
  });
  const sum = a.points.reduce((n, p) => n + p.changes, 0);
  return frame(t('changesChart', { n: number(sum), most: number(sum ? most : 0) }), columns);
}

// latency is drawn to the scale of its logarithm: from a tenth of a millisecond to ten seconds.
function latency(a) {
  const y = (ms) => high - 2 - (Math.log10(Math.min(Math.max(ms, 0.1), 10_000) / 0.1) / 5) * (high - 4);
  const x = (i) => (i + 0.5) * (width / a.points.length);
  const line = (name) => {
    const points = a.points.map((p, i) => (p[name] ? `${x(i).toFixed(1)},${y(p[name]).toFixed(1)}` : '')).filter(Boolean);
    return points.length > 1 ? svg('polyline', { class: name, points: points.join(' ') })
      : points.map((p) => svg('circle', { class: name, cx: p.split(',')[0], cy: p.split(',')[1], r: 2 }));
  };
  const last = a.points.findLast((p) => p.p50);
  const label = last ? t('latencyChart', { p50: number(last.p50), p99: number(last.p99) }) : t('quietTime');
  return frame(label, [1, 100].map((ms) => svg('line', { class: 'grid', x1: 0, x2: width, y1: y(ms), y2: y(ms) })), line('p99'), line('p50'));
}

const dot = (name) => svg('svg', { viewBox: '0 0 10 10', 'aria-hidden': 'true' }, svg('circle', { class: name, cx: 5, cy: 5, r: 4 }));

export function show(a) {
  const last = a.points.findLast((p) => p.p50);
  find('activity').replaceChildren(
    el('div', { class: 'chart' },
      el('p', {}, el('span', {}, t('changes')), el('strong', {}, t('changesNow', { n: number(perMinute(a)) }))), rate(a)),
    el('div', { class: 'chart' },
      el('p', {}, el('span', {}, t('latency')), el('strong', {}, last ? milliseconds(last.p50) : t('quietTime'))), latency(a)),
    last ? el('ul', { class: 'legend quiet' }, el('li', {}, dot('p50'), 'p50 ' + milliseconds(last.p50)), el('li', {}, dot('p99'), 'p99 ' + milliseconds(last.p99))) : '');
}
