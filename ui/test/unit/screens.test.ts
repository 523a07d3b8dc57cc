//! What each screen sends and shows, on a simulated page; how it looks is the browser tests' matter.

import { render, screen, within } from '@testing-library/svelte';
import userEvent from '@testing-library/user-event';
import { describe, expect, test } from 'vitest';

import App from '../../src/App.svelte';
import { NodeModel } from '../../src/domain/node.svelte';
import { chooser, fixtures, supporting } from '../../src/mock/fixtures';
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
      { command: 'change_settings', settings: { upload_cap_bps: 20_000_000, resume_on_start: false, costs: null } },
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

describe('an hour that paid', () => {
  test('is disputed in words, and its state is shown', async () => {
    const { host, user } = show('few-hours');
    await user.click(at('open-earnings'));
    const [first] = screen.getAllByTestId('dispute-hour');
    await user.click(first!);
    expect(at('dispute-send')).toHaveProperty('disabled', true);
    await user.type(at('dispute-text'), ' I was there. ');
    await user.click(at('dispute-send'));
    expect(host.sent[0]).toMatchObject({ command: 'say', saying: { say: 'dispute', text: 'I was there.' } });
    expect((await screen.findByTestId('dispute')).dataset['state']).toBe('open');
  });
  test('that was answered shows the answer and is not disputed again', async () => {
    const { user } = show('supporting');
    await user.click(at('open-earnings'));
    expect(screen.getAllByTestId('dispute').map((mark) => mark.dataset['state'])).toEqual(['open', 'upheld', 'rejected']);
    expect(screen.getByText(/Corrected in entry 4711/)).toBeTruthy();
    expect(screen.getAllByTestId('dispute-hour')).toHaveLength(4);
  });
  test('can be taken away with its receipts, and where the file is is said', async () => {
    const { host, user } = show('supporting');
    await user.click(at('open-earnings'));
    await user.click(at('save-table'));
    expect((await screen.findByTestId('saved')).textContent).toContain('streamr-earnings.csv');
    await user.click(screen.getAllByTestId('save-receipts')[0]!);
    expect(host.exported).toMatchObject([{ export: 'earnings' }, { export: 'receipts', stream: 'mira' }]);
  });
  test('that cannot be saved says why', async () => {
    const { user } = show('supporting!data_directory');
    await user.click(at('open-earnings'));
    await user.click(at('save-table'));
    expect((await screen.findByTestId('error')).dataset['code']).toBe('data_directory');
  });
});

describe('a forecast', () => {
  test('is a range, with costs taken off what was earned', async () => {
    const { user } = show('supporting');
    await user.click(at('open-earnings'));
    expect(at('forecast-hour').textContent).toMatch(/0\.4410? to .*0\.588/);
    expect(at('after-costs').dataset['millionths']).toBe(String(3_237_000 + 10_000_000 + 31_420_000 - 1_240_000 - 540_100));
  });
  test('of few hours is unknown and not nothing', async () => {
    const { user } = show('few-hours');
    await user.click(at('open-earnings'));
    expect(at('forecast-unknown').textContent).toBe('Not known yet');
    expect(gone('forecast-hour') && gone('after-costs')).toBe(true);
  });
});

describe('the profile', () => {
  test('nobody is shown before they agree, and it is taken back with one press', async () => {
    const { host, user } = show('ready');
    await user.click(at('open-profile'));
    expect(at('shown-name').textContent).toBe('You are shown to nobody.');
    expect(gone('hide-name')).toBe(true);
    await user.type(at('name-text'), ' Ada ');
    await user.click(at('show-name'));
    await user.click(await screen.findByTestId('hide-name'));
    expect(host.sent).toEqual([
      { command: 'say', saying: { say: 'show_name', name: 'Ada' } },
      { command: 'say', saying: { say: 'hide_name' } },
    ]);
    expect(at('shown-name').dataset['name']).toBe('');
  });
  test('a node is claimed with a handle and a code, and released after a question', async () => {
    const { host, user } = show('ready');
    await user.click(at('open-profile'));
    expect(at('node-id').textContent).toBe(chooser.node);
    expect(at('claim-node')).toHaveProperty('disabled', true);
    await user.type(at('claim-handle'), 'ada-k');
    await user.type(at('claim-code'), '7q2x');
    await user.click(at('claim-node'));
    expect(host.sent).toEqual([{ command: 'say', saying: { say: 'claim', handle: 'ada-k', code: '7q2x' } }]);
    expect((await screen.findByTestId('owner')).dataset['handle']).toBe('ada-k');
    await user.click(at('release-node'));
    expect(host.sent).toHaveLength(1);
    await user.click(at('release-confirm'));
    expect(host.sent[1]).toEqual({ command: 'say', saying: { say: 'release' } });
  });
  test('downtime is planned an hour ahead and cancelled before it begins', async () => {
    const { host, user } = show('ready');
    await user.click(at('open-profile'));
    await user.click(at('declare-downtime'));
    const [sent] = host.sent;
    if (sent?.command !== 'say' || sent.saying.say !== 'declare_downtime') throw new Error('nothing was declared');
    const { begins_at_ms, ends_at_ms } = sent.saying;
    expect(begins_at_ms - Date.now()).toBeGreaterThanOrEqual(3_600_000);
    expect(ends_at_ms - begins_at_ms).toBe(3_600_000);
    await user.click(await screen.findByTestId('withdraw-downtime'));
    expect(host.sent[1]).toEqual({ command: 'say', saying: { say: 'withdraw_downtime', begins_at_ms } });
  });
  test('downtime that is too soon is not sent', async () => {
    const { host, user } = show('ready');
    await user.click(at('open-profile'));
    await user.clear(at('downtime-from'));
    await user.type(at('downtime-from'), '2020-01-01T10:00');
    await user.click(at('declare-downtime'));
    expect(host.sent).toEqual([]);
    expect(screen.getByText(/at least an hour from now/)).toBeTruthy();
  });
  test('is unknown, not empty, while the coordinator is silent', async () => {
    const { user } = show('coordinator-down');
    await user.click(at('open-profile'));
    expect(at('profile').textContent).toMatch(/Unknown since \d\d:\d\d/);
    expect(gone('tier') && gone('shown-name')).toBe(true);
  });
  test('what a streamer said lately is shown on the main screen', () => {
    show('supporting');
    expect(at('latest-thanks').textContent).toContain('half of last night');
  });
});

describe('costs', () => {
  test('are sent to the node as whole millionths', async () => {
    const { host, user } = show('supporting');
    await user.click(at('open-settings'));
    await user.click(at('costs-on'));
    await user.type(at('costs-currency'), 'eur');
    await user.clear(at('costs-power-price'));
    await user.type(at('costs-power-price'), '0,35');
    await user.click(at('settings-save'));
    const costs = { currency: 'EUR', power_w: 10, power_per_kwh: 350_000, data_per_gb: 0 };
    expect(host.sent).toMatchObject([{ command: 'change_settings', settings: { costs } }]);
  });
  test('that cannot be read are not sent', async () => {
    const { user } = show('few-hours');
    await user.click(at('open-settings'));
    await user.clear(at('costs-power'));
    await user.type(at('costs-power'), '12.5');
    expect(at('settings-save')).toHaveProperty('disabled', true);
  });
});

test('every fixture can be shown', () => {
  for (const name of Object.keys(fixtures)) {
    const { unmount } = render(App, { props: { node: new NodeModel(new MockHost(name)) } });
    unmount();
  }
});
