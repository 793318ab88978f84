// What the HTTP API is asked for. The types of its answers that the typed client does not need itself are here.

import type { ChatClient, Group, List, Role, User } from 'chat-server-client';

export interface Member {
  groupId: string;
  userId: string;
  role: Role;
  joinedAt: string;
}

export interface ListedMember extends Member {
  inRoom: boolean;
  user: User;
}

/** The group that everybody who signs in is a member of. */
export const LOBBY = 'lobby';

/** Who keeps the lobby. Nobody can sign in as it. */
const HOST = '_host';

/** More members than this are not listed. */
const MOST_MEMBERS = 1_000;

/** The members of a group, by id. */
export async function membersOf(client: ChatClient, groupId: string): Promise<ListedMember[]> {
  const members: ListedMember[] = [];
  let cursor: string | null = null;
  do {
    const query: string = new URLSearchParams({ limit: '100', ...(cursor === null ? {} : { cursor }) }).toString();
    const page: List<ListedMember> = await client.request('GET', `/groups/${groupId}/members?${query}`);
    members.push(...page.items.filter(({ userId }) => userId !== HOST));
    cursor = page.nextCursor;
  } while (cursor !== null && members.length < MOST_MEMBERS);
  return members;
}

export function createGroup(client: ChatClient, name: string): Promise<Group> {
  return client.request('POST', '/groups', { name });
}

export function deleteGroup(client: ChatClient, groupId: string): Promise<void> {
  return client.request('DELETE', `/groups/${groupId}`);
}

export function addMember(client: ChatClient, groupId: string, userId: string): Promise<Member> {
  return client.request('POST', `/groups/${groupId}/members`, { userId });
}

export function removeMember(client: ChatClient, groupId: string, userId: string): Promise<void> {
  return client.request('DELETE', `/groups/${groupId}/members/${userId}`);
}
