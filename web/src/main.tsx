import './style/base.css';
import './style/forms.css';
import './style/frame.css';
import './style/groups.css';
import './style/log.css';
import './style/composer.css';
import './style/panels.css';

import { render } from 'preact';

import { resume } from './model/session';
import { applyTheme } from './model/theme';
import { App } from './view/app';

applyTheme();
void resume();
render(<App />, document.getElementById('app') as HTMLElement);
