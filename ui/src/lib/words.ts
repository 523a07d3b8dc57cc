//! Every word a person reads, in English. Localisation replaces this module and nothing else.
//
// Plain sentences: what is so, then what to do. The roles are named as DESIGN.md names them, except that a
// "supporter node" is "you" and "your computer" here.

import type { UiErrorCode } from '../generated/UiErrorCode';

/** What went wrong and what to do about it. */
export interface ErrorWords {
  title: string;
  help: string;
  /** The node's own sentence says something a code cannot (a path, a reason): show it too. */
  showMessage?: boolean;
}

/** Errors by code; the node's English is never matched. */
export const errorWords: Record<UiErrorCode, ErrorWords> = {
  join_unreadable: {
    title: 'That is neither an invite link nor an address',
    help: 'An invite link begins with streamrp2p://join/ and an address with https://. Copy the whole of it and paste it again.',
  },
  coordinator_unreachable: {
    title: 'The coordinator does not answer',
    help: 'Check the address and your internet connection, then try again.',
  },
  coordinator_confused: {
    title: 'The coordinator gave an answer that makes no sense',
    help: 'The address may belong to something else, or one of the two needs an update. Check it with whoever gave it to you.',
  },
  coordinator_old: {
    title: 'This coordinator is from June 2025',
    help: 'Its streams are not signed. So nothing may be taken from other supporters for them, and this app does not carry them. Ask whoever runs it to update.',
  },
  coordinator_refused: { title: 'The coordinator said no', help: '', showMessage: true },
  invite_unknown: {
    title: 'The coordinator does not know this invite',
    help: 'A letter may be missing. Copy the link again, or ask the streamer for a new one.',
  },
  invite_expired: { title: 'This invite has expired', help: 'Ask the streamer for a new one.' },
  invite_used: {
    title: 'This invite has been used already',
    help: 'Each invite works once. Ask the streamer for another.',
  },
  clock_off: {
    title: 'The clock of this computer is wrong',
    help: 'It is far from the coordinator’s. Set the date and time (best: automatically), then try again.',
  },
  stream_unknown: {
    title: 'This stream is gone',
    help: 'The coordinator no longer knows it. Choose another one.',
  },
  nothing_chosen: { title: 'No streamer is chosen', help: 'Choose one from the list first.' },
  consent_missing: { title: 'You have not agreed to sharing yet', help: 'Nothing is shared until you do.' },
  origin_trouble: {
    title: 'The streamer’s server has trouble',
    help: 'It does not answer, or not sensibly. Your computer keeps trying; there is nothing you need to do.',
  },
  signer_silent: {
    title: 'The stream is not being signed',
    help: 'Nothing can be checked, so nothing is passed on until the streamer’s signer is back. It resumes by itself.',
  },
  peer_dropped: {
    title: 'A supporter sent bad data and was dropped',
    help: 'It was noticed before anything was kept or passed on. There is nothing you need to do.',
  },
  port_taken: {
    title: 'Another program uses the port',
    help: 'Close that program, or choose another port in the settings file, then start again.',
    showMessage: true,
  },
  data_directory: {
    title: 'The data folder cannot be written',
    help: 'Free some disk space or correct the folder’s permissions, then try again.',
    showMessage: true,
  },
  already_running: {
    title: 'StreamrP2P Supporter is running already',
    help: 'Use the one that runs, or close it first.',
  },
  setting_invalid: { title: 'That setting is out of its range', help: '', showMessage: true },
  not_now: { title: 'That is not possible just now', help: 'Wait a moment and try again.', showMessage: true },
  internal: {
    title: 'Something went wrong inside the app',
    help: 'That is our fault. Try again; if it happens again, please report it with the details below.',
    showMessage: true,
  },
};

const people = (n: number, text: string) => (n === 1 ? `1 ${text}` : `${n} ${text}s`);

/** Everything else, by screen. */
export const words = {
  product: 'StreamrP2P Supporter',
  dismiss: 'Dismiss',
  retry: 'Try again',
  details: 'Details for a bug report',
  copy: 'Copy',
  copied: 'Copied',
  copyFailed: 'Could not copy; select the text instead',
  cancel: 'Cancel',
  back: 'Back',
  unknown: 'not known yet',

  link: {
    connecting: 'Looking for your node…',
    lost: (since: string) => `Connection to the node lost at ${since}. Trying again…`,
    lostHelp: 'What you see below is how things stood then.',
    never: 'The node does not answer. Trying again…',
    neverHelp: 'If it stays like this, see whether streamr-node is still running.',
    denied: 'This page may not talk to the node',
    deniedHelp:
      'Its key is missing or belongs to an earlier run. Open the address that streamr-node printed when it started.',
  },

  firstRun: {
    title: 'Help a streamer you like',
    lead: 'Your computer passes their live stream on to others, so that their server does not have to send it to everybody itself.',
    steps: [
      'Paste the invite that the streamer gave you',
      'See what would be shared, and say yes or no',
      'Press one button whenever you want to help',
    ],
    label: 'Invite link or coordinator address',
    hint: 'Looks like streamrp2p://join/… or https://coordinator.example',
    placeholder: 'streamrp2p://join/…',
    submit: 'Continue',
    submitting: 'Asking…',
    empty: 'Paste an invite link or an address first.',
    calm: 'Only the coordinator is contacted now. Nothing is shared yet.',
  },

  consent: {
    title: 'Before anything is shared',
    invitedBy: (streamer: string) => `${streamer} invites you.`,
    lead: 'Please read this once. So far only the coordinator was contacted; nothing else leaves your computer before you agree.',
    what: 'What is shared',
    whatText:
      'Pieces of the stream you choose, while it is live. Your computer gets them once, checks each against the streamer’s signature and passes them on to other supporters and viewers. No files of yours, ever.',
    who: 'Who can see your internet address',
    whoText: 'Other supporters and viewers of that stream, the streamer’s server, and the coordinator at',
    when: 'When',
    whenText: 'Only after you agree and press Start Supporting. Pause and Stop work at any time.',
    cap: 'Upload limit',
    agree: 'Agree and continue',
    agreeing: 'Enrolling…',
  },

  cap: {
    unit: 'Mb/s',
    hint: (perHour: string) => `At most ${perHour} in an hour. Half of what your connection can upload is a good start.`,
    not_a_number: 'Write a number, such as 5 or 2.5.',
    too_low: 'At least 0.5 Mb/s; less would not help anybody.',
    too_high: 'At most 1000 Mb/s.',
  },

  streams: {
    heading: 'Streamers',
    search: 'Search streamers',
    live: 'Live',
    offline: 'Offline',
    favourites: 'Favourites',
    liveNow: 'Live now',
    others: 'Offline',
    supporters: (n: number) => people(n, 'supporter'),
    since: (clock: string) => `since ${clock}`,
    favourite: (streamer: string) => `Favourite: ${streamer}`,
    loading: 'Asking the coordinator for streams…',
    unreachable: 'The list of streams is not here yet, because the coordinator does not answer.',
    empty: 'No streams yet',
    emptyHelp: 'As soon as a streamer registers with this coordinator, they appear here.',
    noMatch: (text: string) => `Nothing matches “${text}”.`,
    clear: 'Clear search',
    refresh: 'Refresh',
    change: 'Change streamer',
    hide: 'Close the list',
    chosen: 'Chosen',
  },

  main: {
    chooseTitle: 'Whom would you like to support?',
    chooseHelp: 'Choose a streamer from the list. Nothing starts before you press the button.',
    loadingTitle: 'Getting the list of streamers…',
    loadingHelp: 'The coordinator was asked; this takes a moment.',
    noListTitle: 'No list of streamers yet',
    noListHelp: 'It comes from the coordinator, which does not answer. It is asked again and again.',
    nobodyTitle: 'Nobody to support yet',
    nobodyHelp: 'No streamer is registered with this coordinator. They appear here by themselves.',
    goneStreamer: 'A stream that is not listed now',
    start: 'Start Supporting',
    pause: 'Pause',
    resume: 'Resume',
    stop: 'Stop',
    starting: 'Starting…',
    stopping: 'Stopping…',
    settings: 'Settings',
  },

  state: {
    nothingChosen: 'You are not supporting anybody yet.',
    ready: (who: string) => `Ready to support ${who}.`,
    readyOffline: (who: string) => `${who} is offline. You can start now; sharing begins with the next live.`,
    starting: (who: string) => `Connecting to ${who}’s stream…`,
    supporting: (who: string, since: string) => `Supporting ${who} since ${since}.`,
    paused: (since: string) => `Paused by you at ${since}. Nothing is shared until you resume.`,
    pausedByMachine: (since: string) => `Paused by the app at ${since}. Nothing is shared until you resume.`,
    pausedOffline: (who: string) => `${who} is offline. Supporting resumes by itself when the stream is back.`,
    pausedOfflineByPerson: (who: string) => `Paused by you, and ${who} is offline. Nothing is shared.`,
    stopping: 'Finishing uploads and saying good-bye…',
    faulted: 'Stopped, because something needs your help.',
  },

  impact: {
    heading: 'Your impact',
    peers: 'Connected',
    peersHint: (n: number) => (n === 1 ? 'supporter or viewer' : 'supporters and viewers'),
    helped: 'People helped',
    helpedHint: 'in the last minute',
    now: 'Shared now',
    nowHint: 'since you started',
    today: 'Shared today',
    todayHint: 'since midnight UTC',
    ever: 'Shared ever',
    everHint: (time: string) => `in ${time} of supporting`,
  },

  chart: {
    heading: 'Throughput',
    span: 'last 10 minutes',
    up: 'Given to others',
    down: 'Received',
    empty: 'The chart begins when you start supporting.',
    summary: (now: string, peak: string, down: string) =>
      `Giving ${now} now, ${peak} at most in the last ten minutes; receiving ${down} now.`,
    table: 'Show as a table',
    time: 'Time',
  },

  uplink: {
    unknown: 'What your connection can upload is not measured yet; that happens while others get something from you.',
    atLeast: (measured: string) => `Your connection uploads at least ${measured}; its limit was not met yet.`,
    about: (measured: string, share: string) =>
      `Your connection uploads about ${measured}, as measured while sharing. Others count on ${share} of it.`,
    givingWay: (now: string) => `Giving way now, because something else needs it: ${now} at most.`,
  },

  flow: {
    heading: 'Where the stream comes from',
    origin: 'From the streamer’s server',
    peers: 'From other supporters',
    served: 'Given to others',
    ratio: (times: string) => `For every byte you took from the server, you gave ${times}.`,
    none: 'Nothing has been carried yet.',
    checked: (segments: string, missed: string, bad: string) =>
      `${segments} segments checked, ${missed} missed, ${bad} bad blocks thrown away.`,
  },

  earnings: {
    heading: 'Earnings this hour',
    provisional: 'provisional',
    notYet: 'Not known yet',
    notYetHelp: 'Shown once you have supported the stream in this hour.',
    unknownSince: (clock: string) => `Unknown since ${clock}`,
    unknownHelp: 'The coordinator does not answer. The amount is shown again as soon as it does.',
    noPool: 'No support pool',
    noPoolHelp: 'This streamer has not set up a pool. The scores below count all the same.',
    asOf: (clock: string, credited: string) => `As of ${clock}. ${credited} signed for by those who received it.`,
    uptime: 'Uptime',
    quality: 'Quality',
    bandwidth: 'Bandwidth',
    weight: (share: string) => `counts ${share}`,
    all: 'All earnings',
    advice: {
      uptime: 'Supporting from the beginning of a live to its end would raise this most.',
      quality: 'More blocks on time would raise this most: lower the upload cap if others in your home use the connection.',
      bandwidth: 'A higher upload cap would raise this most, if your connection has room for it.',
    },
  },

  account: {
    title: 'Earnings',
    balance: 'What you have earned',
    settled: 'Settled',
    settledHint: 'earned in hours that are closed',
    pending: 'On its way',
    pendingHint: 'a payout that has not arrived yet',
    paid: 'Paid',
    paidHint: 'arrived so far',
    nextPayout: (day: string) => `The next payout is planned for ${day}.`,
    noPayoutDay: 'The operator has not set a day for payouts.',
    threshold: (amount: string) => `Amounts from ${amount} are paid out; smaller ones wait and stay yours.`,
    nothing: 'Nothing has been settled yet',
    nothingHelp: 'An hour is settled soon after it has ended, if the streamer has a support pool and somebody signed for what you gave.',
    hours: 'Hours',
    hour: 'Hour',
    stream: 'Stream',
    amount: 'Amount',
    madeOf: 'Made of',
    undone: 'undone later',
    noHours: 'No hour has paid anything yet.',
    howHeading: 'How an hour is worked out',
    how: [
      '40 % of the pool is for being there: time in which the stream was live and others signed for what you gave.',
      '30 % is for quality: the share of blocks that came on time, counted carefully while there are few.',
      '30 % is for bytes: what others signed for, under rules that keep made-up viewers from paying anybody.',
    ],
  },

  playback: {
    heading: 'Watch what you carry',
    address: 'Playback address',
    hint: 'In VLC: Media › Open Network Stream (Ctrl+N), then paste it.',
    getVlc: 'VLC is free:',
    vlcSite: 'videolan.org',
    openFailed: 'The browser could not be opened. The address is',
    viewers: (n: number) => (n === 1 ? '1 player on this computer' : `${n} players on this computer`),
    none: 'The address appears here while you support a stream.',
  },

  notices: {
    heading: 'Notices',
    at: (clock: string) => `at ${clock}`,
  },

  coordinator: {
    heading: 'Coordinator',
    unknown: 'Coordinator: not asked yet',
    reachable: 'Coordinator answers',
    took: (ms: number) => `Coordinator answers in ${ms} ms`,
    unreachable: (since: string) => `Coordinator silent since ${since}`,
    unreachableHelp: 'Supporting goes on with what is known. Lists and earnings are renewed when it answers.',
  },

  settings: {
    title: 'Settings',
    sharing: 'Sharing',
    cap: 'Upload limit',
    resume: 'Go on supporting when the app starts',
    resumeHelp: 'If it was supporting when it was closed.',
    save: 'Save',
    saved: 'Saved',
    network: 'Network',
    joined: 'You are joined to the coordinator at',
    leave: 'Leave this network…',
    leaveTitle: 'Leave this network?',
    leaveText:
      'Supporting stops and the coordinator is forgotten. Your identity and your totals are kept. To come back you need its address or a new invite.',
    leaveYes: 'Leave network',
    leaveNo: 'Stay',
    about: 'About',
    version: (version: string) => `Version ${version}`,
  },
} as const;
