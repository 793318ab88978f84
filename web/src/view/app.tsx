import { isResuming, workspace } from '../model/session';
import { SignIn } from './sign-in';
import { WorkspaceView } from './workspace';

export function App() {
  if (workspace.value !== null) return <WorkspaceView workspace={workspace.value} />;
  return isResuming.value ? null : <SignIn />;
}
