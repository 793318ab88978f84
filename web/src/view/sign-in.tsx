import type { TargetedEvent } from 'preact';
import { useState } from 'preact/hooks';

import { signIn } from '../model/session';
import { ThemeSwitch } from './theme-switch';
import { useTask } from './use-task';

export function SignIn() {
  const [name, setName] = useState('');
  const { isBusy, problem, run } = useTask();

  const submit = (event: TargetedEvent<HTMLFormElement>) => {
    event.preventDefault();
    void run(() => signIn(name.trim()));
  };

  return (
    <main class="entrance">
      <div class="corner">
        <ThemeSwitch />
      </div>
      <form class="card" onSubmit={submit}>
        <span class="mark" aria-hidden="true" />
        <h1>Welcome to chat-server</h1>
        <p>
          Choose a name, and meet everybody in the lobby. To see both sides, sign in as somebody else in another window.
        </p>
        <label>
          Your name
          <input
            name="name"
            value={name}
            maxLength={128}
            required
            autoFocus
            autoComplete="off"
            aria-describedby="sign-in-problem"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <p id="sign-in-problem" class="problem" role="alert">
          {problem}
        </p>
        <button type="submit" class="primary" disabled={isBusy || name.trim() === ''}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
        <p class="small">
          This is a development server: whoever knows a name may use it. <a href="/api/v1/openapi.json">HTTP API</a>
        </p>
      </form>
    </main>
  );
}
