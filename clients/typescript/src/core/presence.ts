import type {
  JoinedGroupSuccess,
  RoomMembersUpdate,
  Typist,
  UserJoinedGroup,
  UserLeftGroup,
  UserStoppedTyping,
  UserTyping,
} from '../wire.js';

/** Who is in the room. */
export interface Presence {
  /** Sorted ids; of a crowded room the first ones only, see `isTruncated`. */
  readonly online: readonly string[];
  /** Leads on to those who are not listed, with `Room.members`. */
  readonly nextCursor: string | null;
  readonly isTruncated: boolean;
  /** Exact. */
  readonly memberCount: number;
  readonly socketCount: number;
  /** Whether it is the present. If not, it is what was known before the connection was lost, or nothing yet. */
  readonly isCurrent: boolean;
}

export const NOBODY: Presence = {
  online: [],
  nextCursor: null,
  isTruncated: false,
  memberCount: 0,
  socketCount: 0,
  isCurrent: false,
};

/** The list follows within moments of the join. */
export function entered(presence: Presence, { memberCount, socketCount }: JoinedGroupSuccess): Presence {
  return { ...presence, memberCount, socketCount };
}

export function listed(update: RoomMembersUpdate): Presence {
  const { onlineMembers, truncated, nextCursor, memberCount, socketCount } = update;
  return { online: onlineMembers, isTruncated: truncated, nextCursor, memberCount, socketCount, isCurrent: true };
}

export function userJoined(presence: Presence, { userId, memberCount }: UserJoinedGroup): Presence {
  const others = presence.online.filter((id) => id !== userId);
  const next = others.findIndex((id) => id > userId);
  // Beyond the end of a list that is cut it has no place.
  if (next < 0 && presence.isTruncated) return { ...presence, memberCount };
  const place = next < 0 ? others.length : next;
  return { ...presence, memberCount, online: [...others.slice(0, place), userId, ...others.slice(place)] };
}

export function userLeft(presence: Presence, { userId, memberCount }: UserLeftGroup): Presence {
  return { ...presence, memberCount, online: presence.online.filter((id) => id !== userId) };
}

export function outdated(presence: Presence): Presence {
  return { ...presence, isCurrent: false };
}

/** Who types, in the order in which they began. */
export type Typists = readonly Typist[];

export function startedTyping(typists: Typists, { userId, userName }: UserTyping): Typists {
  // A renewal is announced as the beginning is.
  if (typists.some((typist) => typist.userId === userId)) return typists;
  return [...typists, { userId, userName }];
}

export function stoppedTyping(typists: Typists, { userId }: Pick<UserStoppedTyping, 'userId'>): Typists {
  const others = typists.filter((typist) => typist.userId !== userId);
  return others.length === typists.length ? typists : others;
}
