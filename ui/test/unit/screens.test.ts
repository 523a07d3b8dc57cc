//! What each screen sends and shows, on a simulated page; how it looks is the browser tests' matter.

import { render, screen, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, test } from 'vitest';

import App from '../../src/App.svelte';
import { NodeModel } from '../../src/domain/node.svelte';
import { fixtures, supporting } from '../../src/mock/fixtures';
import { MockHost } from '../../src/mock/mock-host';

function show(mock: string) {
  const host = new MockHost(mock);
  render(App, { props: { node: new NodeModel(host) } });
  return { host, user: userEvent.setup() };
}
const at = (id: string) => screen.getByTestId(id);
const gone = (id: string) => screen.queryByTestId(id) === null;

describe('first run', () => {
  test('sends what was pasted, without blanks around it, and goes on to consent', async () => {
    const { host, user } = show('first-run');
    await user.type(at('join-text'), '  streamrp2p://join/X  ');
    await user.click(at('join-submit'));
    expect(host.sent).toEqual([{ command: 'join', text: 'streamrp2p://join/X' }]);
    expect(await screen.findByTestId('consent-agree')).toBeTruthy();
  });
  test('asks for something before asking the coordinator', async () => {
    const { host, user } = show('first-run');
    await user.click(at('join-submit'));
    expect(host.sent).toEqual([]);
    expect(screen.getByText(/Paste an invite link or an address first/)).toBeTruthy();
  });
  test('words an error by its code', async () => {
    const { user } = show('first-run!invite_used');
    await user.type(at('join-text'), 'x');
    await user.click(at('join-submit'));
    const error = await screen.findByTestId('error');
    expect(error.dataset['code']).toBe('invite_used');
    expect(within(error).getByText('This invite has been used already')).toBeTruthy();
  });
});

describe('consent', () => {
  test('says what, who and when, and sends the cap in bits', async () => {
    const { host, user } = show('consent-invited');
    expect(screen.getByText('Mira Okafor invites you.')).toBeTruthy();
    await user.clear(at('consent-cap'));
    await user.type(at('consent-cap'), '2,5');
    await user.click(at('consent-agree'));
    expect(host.sent).toEqual([{ command: 'consent', upload_cap_bps: 2_500_000 }]);
  });
  test('cannot be given with a cap out of range', async () => {
    const { host, user } = show('consent');
    await user.clear(at('consent-cap'));
    await user.type(at('consent-cap'), '1001');
    expect(at('consent-agree')).toHaveProperty('disabled', true);
    expect(host.sent).toEqual([]);
  });
  test('can be declined', async () => {
    const { host, user } = show('consent');
    await user.click(at('consent-back'));
    expect(host.sent).toEqual([{ command: 'leave_network' }]);
    expect(await screen.findByTestId('join-text')).toBeTruthy();
  });
});

describe('the main screen', () => {
  test('a stream is chosen, supported, paused, resumed and stopped', async () => {
    const { host, user } = show('chooser');
    expect(gone('start')).toBe(true);
    for (const id of ['stream-mira', 'start', 'pause', 'resume', 'stop']) {
      await user.click(await screen.findByTestId(id));
    }
    expect(await screen.findByTestId('start')).toBeTruthy();
    expect(host.sent.map((command) => command.command)).toEqual(['choose', 'start', 'pause', 'resume', 'stop']);
  });
  test('figures carry their raw values for programs', () => {
    show('supporting');
    expect(at('data-shared-now').dataset['bytes']).toBe(String(supporting.live.bytes_served));
    expect(at('peers').dataset['count']).toBe('11');
    expect(at('people-helped').textContent).toContain('8');
    expect(at('playback-url').textContent).toBe(supporting.playback_url);
  });
  test('earnings that are not known are never 0', () => {
    show('coordinator-down');
    expect(at('earnings').textContent).toMatch(/Unknown since \d\d:\d\d/);
    expect(screen.queryByText('provisional')).toBeNull();
  });
  test('a star marks and unmarks', async () => {
    const { host, user } = show('chooser');
    await user.click(at('favourite-mira'));
    await user.click(at('favourite-jonas'));
    expect(host.sent).toEqual([
      { command: 'favourite', stream: 'mira', on: false },
      { command: 'favourite', stream: 'jonas', on: true },
    ]);
  });
  test('a faulted node says why and offers to try again', async () => {
    const { host, user } = show('faulted');
    expect(at('fault').textContent).toContain('no space left on device');
    await user.click(at('start'));
    expect(host.sent).toEqual([{ command: 'start' }]);
  });
  test('a lost node leaves its figures but no buttons to press', () => {
    show('lost');
    expect(at('link-lost')).toBeTruthy();
    expect(at('pause')).toHaveProperty('disabled', true);
  });
  test('the coordinator’s silence is said and the list can be asked for again', async () => {
    const { host, user } = show('streams-unreachable');
    await user.click(at('refresh-streams'));
    expect(host.sent).toEqual([{ command: 'refresh_streams' }]);
  });
});

describe('earnings', () => {
  test('shows what is settled, and the hours it comes from, and leads back', async () => {
    const { user } = show('supporting');
    await user.click(at('open-earnings'));
    expect(at('settled').dataset['millionths']).toBe('3237000');
    expect(within(at('paid-hours')).getAllByRole('row')).toHaveLength(6);
    await user.click(at('close-earnings'));
    expect(at('pause')).toBeTruthy();
  });
  test('are unknown, not nothing, while the coordinator is silent', async () => {
    const { user } = show('coordinator-down');
    await user.click(at('open-earnings'));
    expect(at('account').textContent).toMatch(/Unknown since/);
    expect(gone('settled') && gone('paid-hours')).toBe(true);
  });
});

describe('settings', () => {
  test('are sent whole', async () => {
    const { host, user } = show('supporting');
    await user.click(at('open-settings'));
    await user.clear(at('settings-cap'));
    await user.type(at('settings-cap'), '20');
    await user.click(at('settings-resume'));
    await user.click(at('settings-save'));
    expect(host.sent).toEqual([
      { command: 'change_settings', settings: { upload_cap_bps: 20_000_000, resume_on_start: false } },
    ]);
    expect(await screen.findByText('Saved')).toBeTruthy();
  });
  test('a later snapshot does not type over the person', async () => {
    const { host, user } = show('supporting');
    await user.click(at('open-settings'));
    await user.clear(at('settings-cap'));
    await user.type(at('settings-cap'), '7');
    host.show({ ...supporting });
    expect(at('settings-cap')).toHaveProperty('value', '7');
  });
  test('leaving is asked about first', async () => {
    const { host, user } = show('supporting');
    await user.click(at('open-settings'));
    await user.click(at('leave-network'));
    expect(host.sent).toEqual([]);
    await user.click(at('leave-confirm'));
    expect(host.sent).toEqual([{ command: 'leave_network' }]);
    expect(await screen.findByTestId('join-text')).toBeTruthy();
  });
});

test('every fixture can be shown', () => {
  for (const name of Object.keys(fixtures)) {
    const { unmount } = render(App, { props: { node: new NodeModel(new MockHost(name)) } });
    unmount();
  }
});
