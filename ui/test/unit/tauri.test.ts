import { clearMocks, mockIPC } from '@tauri-apps/api/mocks';
import { afterEach, expect, test, vi } from 'vitest';

import type { Snapshot } from '../../src/generated/Snapshot';
import { TauriHost } from '../../src/host/tauri';
import { chooser, fixtureError, supporting } from '../../src/mock/fixtures';

afterEach(() => {
  clearMocks();
});

test('the window hears the first snapshot and then the channel', async () => {
  let channel: { onmessage: (snapshot: Snapshot) => void } | undefined;
  mockIPC((name, payload) => {
    if (name === 'snapshot') return chooser;
    if (name === 'subscribe') channel = (payload as { channel: typeof channel }).channel;
    return null;
  });
  const heard: unknown[] = [];
  const stop = new TauriHost().subscribe((event) => heard.push(event));
  await vi.waitFor(() => expect(channel).toBeDefined());
  channel?.onmessage(supporting);
  expect(heard).toEqual([
    { kind: 'snapshot', snapshot: chooser },
    { kind: 'snapshot', snapshot: supporting },
  ]);
  stop();
  channel?.onmessage(chooser);
  expect(heard).toHaveLength(2);
});

test('a command crosses as it is, and its error comes back as it is', async () => {
  const sent: unknown[] = [];
  mockIPC((name, payload) => {
    sent.push([name, payload]);
    if (sent.length > 1) throw fixtureError('stream_unknown');
    return null;
  });
  const host = new TauriHost();
  await host.command({ command: 'choose', stream: 'mira' });
  expect(sent).toEqual([['command', { command: { command: 'choose', stream: 'mira' } }]]);
  await expect(host.command({ command: 'start' })).rejects.toMatchObject({ code: 'stream_unknown' });
});

test('a file is saved by the shell, which says where', async () => {
  const asked: unknown[] = [];
  mockIPC((name, payload) => {
    asked.push([name, payload]);
    if (asked.length > 1) throw fixtureError('data_directory');
    return 'Downloads/streamr-earnings.csv';
  });
  const host = new TauriHost();
  expect(await host.save({ export: 'earnings' })).toBe('Downloads/streamr-earnings.csv');
  expect(asked).toEqual([['export', { what: { export: 'earnings' } }]]);
  await expect(host.save({ export: 'earnings' })).rejects.toMatchObject({ code: 'data_directory' });
});

test('a shell that does not answer is lost, then tried again', async () => {
  let attempts = 0;
  mockIPC((name) => {
    if (name === 'snapshot') {
      attempts += 1;
      if (attempts === 1) throw new Error('not ready');
      return chooser;
    }
    return null;
  });
  const kinds: string[] = [];
  const stop = new TauriHost().subscribe((event) => kinds.push(event.kind));
  await vi.waitFor(() => expect(kinds).toEqual(['lost', 'snapshot']), { timeout: 5000 });
  stop();
});
