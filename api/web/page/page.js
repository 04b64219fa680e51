'use strict';
// The views build elements and set texts, never HTML: what hosts say is not trusted.

const view = document.getElementById('view');
const link = document.getElementById('link');
let leave = () => {}; // ends what the present view does

function el(name, attrs = {}, ...children) {
  const e = document.createElement(name);
  for (const [k, v] of Object.entries(attrs)) {
    if (k.startsWith('on')) e.addEventListener(k.slice(2), v);
    else if (v === true) e.setAttribute(k, '');
    else if (v !== false && v != null) e.setAttribute(k, v);
  }
  e.append(...children.flat().filter((c) => c != null && c !== false));
  return e;
}
const pill = (status) => el('span', { class: 'pill s-' + status }, status.replace('_', ' '));
const time = (t) => (t ? new Date(t).toLocaleString() : '–');
function took(from, to) {
  if (!from) return '–';
  const s = Math.max(0, ((to ? new Date(to) : new Date()) - new Date(from)) / 1000);
  if (s < 60) return s.toFixed(s < 10 ? 1 : 0) + ' s';
  return s < 3600 ? Math.floor(s / 60) + ' min ' + Math.floor(s % 60) + ' s' : Math.floor(s / 3600) + ' h ' + Math.floor((s % 3600) / 60) + ' min';
}
function playbook(p) {
  const at = p.lastIndexOf('/playbooks/');
  return at < 0 ? p : p.slice(at + '/playbooks/'.length);
}

async function ask(path, options) {
  let r;
  try {
    r = await fetch(path, options);
  } catch {
    link.textContent = 'the server does not answer';
    throw new Error('the server does not answer');
  }
  link.textContent = '';
  const body = r.status === 204 ? {} : await r.json().catch(() => ({}));
  if (!r.ok) {
    const e = body.error || {};
    throw new Error((e.message || body.status || r.statusText) + (e.hint ? ' — ' + e.hint : ''));
  }
  return body;
}

// every calls f now and then again, until the view is left.
function every(ms, f) {
  let ended = false, timer;
  const go = async () => {
    try { await f(); } catch (e) { if (!ended && !link.textContent) link.textContent = e.message; }
    if (!ended) timer = setTimeout(go, document.hidden ? 4 * ms : ms);
  };
  go();
  return () => { ended = true; clearTimeout(timer); };
}

const running = (s) => s === 'running' || s === 'queued';
const resumable = (s) => s === 'interrupted' || s === 'cancelled' || s === 'in_doubt';

// ---- the list of runs

const statuses = ['running', 'queued', 'done', 'failed', 'unreachable', 'in_doubt', 'error', 'interrupted', 'cancelled'];

function runsView() {
  const filter = el('select', { 'aria-label': 'status', onchange: () => { limit = 50; show(); } }, el('option', { value: '' }, 'all'), statuses.map((s) => el('option', { value: s }, s.replace('_', ' '))));
  const body = el('tbody');
  const more = el('button', { hidden: true, onclick: () => { limit += 100; show(); } }, 'Show more');
  const none = el('div', { class: 'empty', hidden: true });
  let limit = 50;
  async function show() {
    const { runs, next_before: next } = await ask('/api/v1/runs?limit=' + limit + (filter.value ? '&status=' + filter.value : ''));
    none.hidden = runs.length > 0;
    none.textContent = filter.value ? 'No run is ' + filter.value.replace('_', ' ') + '.' : 'Nothing has run yet. server-manager’s requests show up here; to try one: fairlead sm-send request.yml';
    more.hidden = !next;
    body.replaceChildren(...runs.map((r) => el('tr', { class: 'go', onclick: (e) => { if (e.target.tagName !== 'A') location.hash = '#/runs/' + r.id; } },
      el('td', {}, pill(r.status)),
      el('td', {}, el('a', { href: '#/runs/' + r.id }, playbook(r.playbooks.join(', ') || '–')), el('div', { class: 'dim mono' }, r.id), running(r.status) && r.task && el('div', { class: 'dim' }, r.task)),
      el('td', { class: 'nowrap' }, time(r.started || r.created)), el('td', { class: 'nowrap num' }, running(r.status) || r.ended ? took(r.started, r.ended) : '–'),
      el('td', { class: 'num' }, r.counts.ok), el('td', { class: 'num s-changed' }, r.counts.changed), el('td', { class: 'num' }, r.counts.failed + r.counts.unreachable),
      el('td', {}, [r.origin, r.who].filter(Boolean).join(', ')))));
  }
  view.replaceChildren(el('div', { class: 'top' }, el('h1', { class: 'grow' }, 'Runs'), el('label', {}, 'Status '), filter),
    el('div', { class: 'card' }, el('table', {}, el('thead', {}, el('tr', {}, ['Status', 'Playbook', 'Started'].map((h) => el('th', {}, h)), ['Took', 'OK', 'Changed', 'Failed'].map((h) => el('th', { class: 'num' }, h)), el('th', {}, 'From'))), body), none),
    el('p', {}, more));
  return every(2500, show);
}

// ---- what server-manager was told

function serversView() {
  const body = el('tbody'), none = el('div', { class: 'empty', hidden: true }, 'Nothing is known of any server yet.');
  const stop = every(2500, async () => {
    const { statuses } = await ask('/playbook_status');
    none.hidden = statuses.length > 0;
    statuses.sort((a, b) => a.server_id.localeCompare(b.server_id, undefined, { numeric: true }) || (a.role || '').localeCompare(b.role || ''));
    let last;
    body.replaceChildren(...statuses.map((s) => {
      const first = s.server_id !== last;
      last = s.server_id;
      return el('tr', {}, el('td', {}, first && el('b', {}, s.server_id), first && s.cluster_id && el('div', { class: 'dim' }, s.cluster_id)), el('td', {}, s.role || el('span', { class: 'dim' }, 'the server')),
        el('td', {}, el('span', { class: 'pill s-' + colour(s.state) }, s.state), s.reason && el('div', { class: 'dim' }, s.reason)), el('td', { class: 'nowrap' }, time(s.time)),
        el('td', {}, s.progress ? el('a', { href: '#/runs/' + s.run }, playbook(s.progress.playbook || s.run)) : el('span', { class: 'dim' }, '–')));
    }));
  });
  view.replaceChildren(el('div', { class: 'top' }, el('h1', {}, 'Servers'), el('span', { class: 'dim' }, 'the last state of each server and role')),
    el('div', { class: 'card' }, el('table', {}, el('thead', {}, el('tr', {}, ['Server', 'Role', 'State', 'Since', 'Run'].map((h) => el('th', {}, h)))), body), none));
  return stop;
}
function colour(state) {
  const s = state.toLowerCase();
  if (/fail|not found|invalid|not defined/.test(s)) return 'failed';
  if (/success|completed/.test(s)) return 'done';
  return s === 'queued' ? 'queued' : 'running';
}

// ---- one run

function runView(id) {
  const head = el('div'), doubts = el('div'), hosts = el('tbody'), log = el('div', { class: 'card', id: 'log' });
  const hostsCard = el('div', { hidden: true }, el('h2', {}, 'Hosts'), el('div', { class: 'card' }, el('table', {}, el('thead', {}, el('tr', {}, el('th', {}, 'Host'), ['OK', 'Changed', 'Failed', 'Skipped'].map((h) => el('th', { class: 'num' }, h)), el('th', {}, 'Last task'))), hosts)));
  const follow = el('input', { type: 'checkbox', checked: true }), only = el('input', { type: 'checkbox', onchange: sift }), find = el('input', { type: 'search', placeholder: 'host or task', oninput: sift });
  const state = { hosts: new Map(), tasks: new Map(), run: null };
  view.replaceChildren(head, doubts, hostsCard,
    el('div', { class: 'top' }, el('h2', { class: 'grow' }, 'Log'), find, el('label', {}, only, 'changed and failed only'), el('label', {}, follow, 'follow')), log);
  log.append(el('div', { class: 'empty' }, 'Nothing yet: it waits for its turn.'));

  function sift() {
    const word = find.value.toLowerCase();
    for (const t of state.tasks.values()) {
      let any = false;
      for (const r of t.results) {
        r.e.hidden = (only.checked && !r.notable) || (word && !(r.host + ' ' + t.name).toLowerCase().includes(word));
        any ||= !r.e.hidden;
      }
      t.e.hidden = (only.checked || word) && !any;
    }
  }

  async function act(what, body) {
    try {
      await ask('/api/v1/runs/' + id + '/' + what, { method: 'POST', body: body && JSON.stringify(body) });
      await refresh();
    } catch (e) {
      say(e.message);
    }
  }
  function say(text) {
    head.querySelector('.said')?.remove();
    head.append(el('div', { class: 'note said s-failed', role: 'alert' }, text));
  }
  function confirmCancel() {
    const d = el('dialog', {}, el('p', {}, 'End this run? Its processes on the hosts are ended, too. What was done stays done; the run can be resumed for a week.'),
      el('div', { class: 'top' }, el('button', { class: 'bad', onclick: () => { d.close(); act('cancel'); } }, 'End the run'), el('button', { onclick: () => d.close() }, 'Let it go on')));
    d.addEventListener('close', () => d.remove());
    document.body.append(d);
    d.showModal();
  }

  async function refresh() {
    const r = await ask('/api/v1/runs/' + id);
    const before = state.run;
    state.run = r;
    document.title = r.status.replace('_', ' ') + ' – Fairlead';
    const said = before && before.status === r.status ? head.querySelector('.said') : null;
    head.replaceChildren(el('div', { class: 'top' }, el('h1', {}, playbook(r.playbooks.join(', ') || id)), pill(r.status), el('span', { class: 'grow' }),
      running(r.status) && el('button', { class: 'bad', id: 'cancel', onclick: confirmCancel }, 'Cancel'),
      resumable(r.status) && el('button', { id: 'resume', onclick: resume }, 'Resume')),
      el('div', { class: 'dim' }, el('span', { class: 'mono' }, id), ' · started ' + time(r.started) + ' · ' + (running(r.status) ? 'for ' : 'took ') + took(r.started, r.ended) + ' · ' + r.tasks + ' tasks' + (r.who ? ' · from ' + r.who : ''),
        r.root && r.root !== id ? [' · carries on ', el('a', { href: '#/runs/' + r.root }, r.root)] : ''),
      ...(r.failures || []).slice(0, 20).map((f) => el('div', { class: 'note s-failed' }, f)));
    if (said) head.append(said);
    if (resumable(r.status) && (!before || before.status !== r.status)) await showDoubts();
    if (!resumable(r.status)) doubts.replaceChildren();
  }

  async function showDoubts() {
    const { doubts: list } = await ask('/api/v1/runs/' + id + '/doubts');
    doubts.replaceChildren();
    if (!list.length) return;
    doubts.append(el('div', { class: 'note s-in_doubt' }, el('b', {}, 'In doubt. '), 'The run was cut off while this was being done. Look at the hosts, say what became of it, and resume.'),
      el('div', { class: 'card' }, el('table', {}, el('tbody', {}, list.map((d, i) => el('tr', {}, el('td', {}, el('b', {}, d.host)), el('td', {}, d.task + (d.item ? ' (item ' + d.item + ')' : ''), el('div', { class: 'dim mono' }, d.pos || '')),
        el('td', {}, ['done', 'redo'].map((w) => el('label', {}, el('input', { type: 'radio', name: 'doubt' + i, value: w, 'data-host': d.host, 'data-task': d.task, checked: d.decided === w }), w === 'done' ? 'it was done ' : 'do it again ')))))))));
  }
  function resume() {
    const said = { done: [], redo: [] };
    for (const i of doubts.querySelectorAll('input:checked')) said[i.value].push(i.dataset.host + ':' + i.dataset.task);
    act('resume', said).then(() => ask('/api/v1/runs?limit=20')).then(({ runs }) => {
      const next = runs.find((r) => r.root && r.root === state.run.root && r.id !== id && running(r.status));
      if (next) location.hash = '#/runs/' + next.id;
      else if (!head.querySelector('.said')) say('It is queued, and shows up in the list of runs as another attempt.');
    }).catch((e) => say(e.message));
  }

  function host(name) {
    let h = state.hosts.get(name);
    if (h) return h;
    const cells = ['ok', 'changed', 'failed', 'skipped'].map(() => el('td', { class: 'num' }, '0'));
    const last = el('td'), bar = el('div', { class: 'bar' });
    h = { n: { ok: 0, changed: 0, failed: 0, skipped: 0 }, cells, last, bar };
    hosts.append(el('tr', {}, el('td', {}, el('b', {}, name), bar), cells, last));
    hostsCard.hidden = false;
    state.hosts.set(name, h);
    return h;
  }
  function count(e) {
    const h = host(e.host);
    const bad = ['failed', 'unreachable', 'in_doubt'].includes(e.status) && !e.ignored && !e.rescued;
    if (bad) h.n.failed++;
    else if (e.status === 'skipped') h.n.skipped++;
    else { h.n.ok++; if (e.status === 'changed') h.n.changed++; }
    Object.values(h.n).forEach((n, i) => { h.cells[i].textContent = n; });
    const parts = { ok: h.n.ok - h.n.changed, changed: h.n.changed, skipped: h.n.skipped, failed: h.n.failed };
    h.bar.replaceChildren(...Object.entries(parts).filter(([, n]) => n).map(([s, n]) => { const i = el('i', { class: 's-' + s, title: n + ' ' + s }); i.style.flexGrow = n; return i; }));
    h.last.replaceChildren(el('span', { class: bad ? 'pill s-' + e.status : 'dim' }, bad ? e.status.replace('_', ' ') : e.task), bad ? ' ' + e.task : '');
  }

  function task(e) {
    const key = e.task_no || e.task_id || e.task;
    let t = state.tasks.get(key);
    if (!t) {
      t = { name: e.task || '', results: [], e: el('div', { class: 'task' }, el('b', {}, (e.handler ? 'Handler: ' : '') + (e.task || e.module || '')), ' ', el('span', { class: 'dim mono' }, e.module || '')) };
      state.tasks.set(key, t);
      append(t.e);
    }
    return t;
  }
  function append(...es) {
    log.querySelector('.empty')?.remove();
    log.append(...es);
  }

  function result(e) {
    const t = task(e);
    const item = e.kind === 'item_result', r = e.result || {};
    if (e.loop && !item && e.status !== 'skipped' && e.status !== 'unreachable') { count(e); return; } // its items were told
    const bad = ['failed', 'unreachable', 'in_doubt'].includes(e.status);
    const line = [el('span', { class: 'host' }, e.host + (e.delegate ? ' → ' + e.delegate : '')), el('span', { class: 'st s-' + e.status }, e.status.replace('_', ' ') + (e.ignored ? ' (ignored)' : e.rescued ? ' (rescued)' : '')),
      item && el('span', { class: 'mono' }, String(e.label ?? e.item ?? '') + ' '), e.restored && el('span', { class: 'dim' }, 'by an earlier attempt '), bad || e.verbose ? el('span', {}, e.msg || r.msg || '') : ''];
    const more = [];
    if (e.hint) more.push(el('div', { class: 'dim' }, e.hint));
    for (const w of e.warnings || []) more.push(el('div', { class: 's-changed' }, 'warning: ' + w));
    for (const d of e.diff || []) more.push(diff(d));
    for (const k of ['stdout', 'stderr', 'module_stderr']) if (r[k]) more.push(el('div', { class: 'dim' }, k), el('pre', {}, String(r[k])));
    const rest = Object.entries(r).filter(([k]) => !['stdout', 'stderr', 'stdout_lines', 'stderr_lines', 'changed', 'failed', 'module_stderr', 'results', 'diff'].includes(k));
    if (rest.length && !e.no_log) more.push(el('details', {}, el('summary', { class: 'dim' }, 'result'), el('pre', {}, JSON.stringify(Object.fromEntries(rest), null, 2))));
    const box = more.length ? el('details', { class: 'res', open: bad && !e.ignored }, el('summary', {}, line), more) : el('div', { class: 'res' }, line);
    t.results.push({ e: box, host: e.host, notable: bad || e.status === 'changed' });
    t.e.append(box);
    if (!item) count(e);
  }

  function diff(d) {
    const pre = el('pre');
    if (d.note) { pre.textContent = (d.after_header || d.before_header || '') + ': ' + d.note; return pre; }
    if (d.before_header || d.after_header) pre.append(el('span', { class: 'dim' }, '--- ' + (d.before_header || '') + '\n+++ ' + (d.after_header || '') + '\n'));
    for (const [mark, line] of lines(split(d.before), split(d.after))) pre.append(el('span', { class: mark === '+' ? 'add' : mark === '-' ? 'del' : '' }, mark + line + '\n'));
    return pre;
  }
  const split = (s) => { const l = (s || '').split('\n'); if (l[l.length - 1] === '') l.pop(); return l; };
  // lines is the difference of two texts, with three lines around each change.
  function lines(a, b) {
    let from = 0, ae = a.length, be = b.length;
    while (from < ae && from < be && a[from] === b[from]) from++;
    while (ae > from && be > from && a[ae - 1] === b[be - 1]) { ae--; be--; }
    const out = a.slice(Math.max(0, from - 3), from).map((l) => [' ', l]);
    const x = a.slice(from, ae), y = b.slice(from, be);
    if (x.length * y.length > 4e6) out.push(...x.map((l) => ['-', l]), ...y.map((l) => ['+', l]));
    else {
      const n = Array.from({ length: x.length + 1 }, () => new Uint32Array(y.length + 1));
      for (let i = x.length - 1; i >= 0; i--) for (let j = y.length - 1; j >= 0; j--) n[i][j] = x[i] === y[j] ? n[i + 1][j + 1] + 1 : Math.max(n[i + 1][j], n[i][j + 1]);
      for (let i = 0, j = 0; i < x.length || j < y.length;) {
        if (i < x.length && j < y.length && x[i] === y[j]) { out.push([' ', x[i++]]); j++; }
        else if (j >= y.length || (i < x.length && n[i + 1][j] >= n[i][j + 1])) out.push(['-', x[i++]]);
        else out.push(['+', y[j++]]);
      }
    }
    return out.concat(a.slice(ae, ae + 3).map((l) => [' ', l]));
  }

  const shown = {
    play_started: (e) => append(el('div', { class: 'play' }, 'Play: ' + (e.play || ''))),
    none_left: () => append(el('div', { class: 'task dim' }, 'no more hosts left')),
    no_hosts: () => append(el('div', { class: 'task dim' }, 'no hosts matched')),
    task_started: (e) => { task(e); },
    item_result: result,
    result,
    retry: (e) => { task(e).e.append(el('div', { class: 'res dim' }, e.host + ': tried ' + (e.attempt || '') + ' times of ' + (e.retries || ''))); },
    notice: (e) => append(el('div', { class: 'task ' + (e.level === 'warn' ? 's-changed' : 'dim') }, e.msg || '')),
    run_ended: (e) => { if (e.msg) append(el('div', { class: 'task s-failed' }, e.msg)); refresh().catch(() => {}); },
  };
  // A run that waits has no events yet: it is asked for until there are.
  let source, ended = false;
  function open() {
    if (ended || source) return;
    source = new EventSource('/api/v1/runs/' + id + '/events');
    for (const [kind, f] of Object.entries(shown)) {
      source.addEventListener(kind, (m) => {
        f(JSON.parse(m.data));
        if (only.checked || find.value) sift();
        if (follow.checked && kind !== 'run_ended' && running(state.run?.status || '')) window.scrollTo(0, document.body.scrollHeight);
      });
    }
    source.addEventListener('run_ended', () => source.close());
    source.onerror = () => { link.textContent = source.readyState === EventSource.CONNECTING ? 'reconnecting…' : ''; };
    source.onopen = () => { link.textContent = ''; };
  }
  const stop = every(2000, async () => {
    if (state.run && !running(state.run.status)) return;
    await refresh().catch((e) => { if (!state.run) head.replaceChildren(el('div', { class: 'note s-failed' }, e.message)); throw e; });
    open();
  });
  return () => { ended = true; stop(); source?.close(); document.title = 'Fairlead'; };
}

function route() {
  leave();
  link.textContent = '';
  const [, what, id] = location.hash.split('/');
  for (const a of document.querySelectorAll('nav a')) a.classList.toggle('here', a.dataset.tab === (what === 'servers' ? 'servers' : 'runs'));
  leave = what === 'runs' && id ? runView(decodeURIComponent(id)) : what === 'servers' ? serversView() : runsView();
  window.scrollTo(0, 0);
}
window.addEventListener('hashchange', route);
route();
