//! Entry of the UI: finds the host and puts the app on the page.

import './lib/language';

import { mount } from 'svelte';

import App from './App.svelte';
import { NodeModel } from './domain/node.svelte';
import { chooseHost } from './host/choose';
import './lib/tokens.css';
import './lib/base.css';

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no #app');

const node = new NodeModel(await chooseHost());
mount(App, { target, props: { node } });
