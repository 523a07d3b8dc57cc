import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { NodeModel } from '../../src/domain/node.svelte';
import { Backoff } from '../../src/host/backoff';
import { asUiError, type HostEvent } from '../../src/host/host';
import { HttpHost, takeToken } from '../../src/host/http';
import { chooser, fixtureError } from '../../src/mock/fixtures';
import { MockHost } from '../../src/mock/mock-host';

/** An EventSource in the test's hands. */
class FakeEventSource {
  static opened: FakeEventSource[] = [];
  onmessage: ((message: { data: string }) => void) | undefined;
  onerror: (() => void) | undefined;
  closed = false;
  constructor(readonly url: string) {
    FakeEventSource.opened.push(this);
  }
  close(): void {
    this.closed = true;
  }
}

const answer = (status: number, body: unknown = null) =>
  ({ ok: status < 400, status, json: () => Promise.resolve(body) }) as Response;

describe('waiting times', () => {
  test('double from half a second to ten and begin again after success', () => {
    const backoff = new Backoff(() => 0);
    expect([1, 2, 3, 4, 5, 6, 7].map(() => backoff.next())).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
    backoff.reset();
    expect(backoff.next()).toBe(500);
  });
  test('are spread by up to a quarter', () => {
    expect(new Backoff(() => 1).next()).toBe(375);
  });
});

describe('the key of the page', () => {
  const storage = () => {
    const kept = new Map<string, string>();
    return { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v) };
  };
  const at = (href: string) => ({ href }) as Location;

  test('leaves the address, keeps the rest of it, and outlives a reload', () => {
    const history = { state: null, replaceState: vi.fn() };
    const kept = storage() as unknown as Storage;
    expect(takeToken(at('http://127.0.0.1:9/?a=1&token=T#x'), history as unknown as History, kept)).toBe('T');
    expect(history.replaceState).toHaveBeenCalledWith(null, '', '/?a=1#x');
    expect(takeToken(at('http://127.0.0.1:9/?a=1#x'), history as unknown as History, kept)).toBe('T');
  });

  test('works once where storage is switched off', () => {
    const refuse = () => {
      throw new Error('denied');
    };
    const off = { getItem: refuse, setItem: refuse } as unknown as Storage;
    const history = { state: null, replaceState: vi.fn() } as unknown as History;
    expect(takeToken(at('http://127.0.0.1:9/?token=T'), history, off)).toBe('T');
    expect(takeToken(at('http://127.0.0.1:9/'), history, off)).toBe('');
  });
});

describe('the page host', () => {
  const fetchMock = vi.fn<(url: string, init?: RequestInit) => Promise<Response>>();
  let heard: HostEvent[];

  beforeEach(() => {
    vi.useFakeTimers();
    FakeEventSource.opened = [];
    heard = [];
    fetchMock.mockReset();
    vi.stubGlobal('fetch', fetchMock);
    vi.stubGlobal('EventSource', FakeEventSource);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const listen = () => new HttpHost('T').subscribe((event) => heard.push(event));
  const kinds = () => heard.map((event) => event.kind);

  test('asks for a snapshot with the key, then listens', async () => {
    fetchMock.mockResolvedValue(answer(200, chooser));
    const stop = listen();
    await vi.advanceTimersByTimeAsync(0);
    expect(fetchMock).toHaveBeenCalledWith('api/snapshot', { headers: { Authorization: 'Bearer T' } });
    const [source] = FakeEventSource.opened;
    expect(source?.url).toBe('api/events?token=T');
    source?.onmessage?.({ data: JSON.stringify({ ...chooser, version: '2' }) });
    expect(heard.at(-1)).toMatchObject({ kind: 'snapshot', snapshot: { version: '2' } });
    stop();
    expect(source?.closed).toBe(true);
  });

  test('says lost, tries again, and recovers', async () => {
    fetchMock.mockRejectedValueOnce(new TypeError('refused')).mockResolvedValue(answer(200, chooser));
    const stop = listen();
    await vi.advanceTimersByTimeAsync(0);
    expect(kinds()).toEqual(['lost']);
    await vi.advanceTimersByTimeAsync(600);
    expect(kinds()).toEqual(['lost', 'snapshot']);
    FakeEventSource.opened[0]?.onerror?.();
    expect(kinds().at(-1)).toBe('lost');
    await vi.advanceTimersByTimeAsync(600);
    expect(kinds().at(-1)).toBe('snapshot');
    stop();
  });

  test('tells a refused key from a node that is not there', async () => {
    fetchMock.mockResolvedValue(answer(401));
    const stop = listen();
    await vi.advanceTimersByTimeAsync(0);
    expect(kinds()).toEqual(['denied']);
    stop();
  });

  test('is silent after unsubscribing', async () => {
    fetchMock.mockRejectedValue(new TypeError('refused'));
    const stop = listen();
    stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(heard).toEqual([]);
    expect(fetchMock).toHaveBeenCalledTimes(1);
  });

  test('passes on the node’s error, and makes one of anything else', async () => {
    const host = new HttpHost('T');
    fetchMock.mockResolvedValueOnce(answer(409, fixtureError('nothing_chosen')));
    await expect(host.command({ command: 'start' })).rejects.toMatchObject({ code: 'nothing_chosen' });
    fetchMock.mockResolvedValueOnce(answer(502, '<html>'));
    await expect(host.command({ command: 'start' })).rejects.toMatchObject({ code: 'internal' });
    fetchMock.mockRejectedValueOnce(new TypeError('refused'));
    await expect(host.command({ command: 'start' })).rejects.toMatchObject({ code: 'internal', detail: 'refused' });
    fetchMock.mockResolvedValueOnce(answer(204));
    await expect(host.command({ command: 'start' })).resolves.toBeUndefined();
  });
});

test('anything thrown becomes an error with a code', () => {
  expect(asUiError('odd')).toEqual({ code: 'internal', message: '', detail: 'odd' });
});

describe('the node model', () => {
  test('keeps the last snapshot while the node is lost, and since when', () => {
    let say: (event: HostEvent) => void = () => {};
    const host = new MockHost('chooser');
    host.subscribe = (listener) => {
      say = listener;
      return () => {};
    };
    const node = new NodeModel(host);
    node.connect();
    say({ kind: 'snapshot', snapshot: chooser });
    expect(node.link).toBe('connected');
    say({ kind: 'lost' });
    const since = node.lostSinceMs;
    say({ kind: 'lost' });
    expect([node.link, node.snapshot, node.lostSinceMs]).toEqual(['lost', chooser, since]);
    say({ kind: 'snapshot', snapshot: chooser });
    expect([node.link, node.lostSinceMs]).toEqual(['connected', undefined]);
  });

  test('a command that fails leaves its problem until the next', async () => {
    const node = new NodeModel(new MockHost('ready!not_now'));
    expect(await node.run({ command: 'start' })).toBe(false);
    expect(node.problem?.code).toBe('not_now');
    node.dismiss();
    expect(node.problem).toBeUndefined();
  });

  test('the same command is not sent twice at once', async () => {
    const host = new MockHost('ready');
    const node = new NodeModel(host);
    const first = node.run({ command: 'start' });
    expect(node.isPending('start')).toBe(true);
    expect(await node.run({ command: 'start' })).toBe(false);
    expect(await first).toBe(true);
    expect(host.sent).toEqual([{ command: 'start' }]);
  });
});
