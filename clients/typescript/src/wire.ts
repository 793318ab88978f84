// What travels between a client and chat-server, as docs/protocol.md has it: every payload, and the two maps of events
// that socket.io-client takes as its type parameters. Nothing here exists at run time.
//
// What the server sends has every field; what is absent is `null`. What a client sends may leave optional fields out.

/** RFC 3339 in UTC with milliseconds: `2026-11-23T10:00:00.000Z`. */
export type Time = string;

export type ErrorCode =
  | 'VALIDATION_ERROR'
  | 'UNAUTHORIZED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'CONFLICT'
  | 'RATE_LIMITED'
  | 'CONNECTION_LIMIT'
  | 'PAYLOAD_TOO_LARGE'
  | 'SERVICE_UNAVAILABLE'
  | 'INTERNAL_ERROR';

/** What a client may send; `SYSTEM` is the server's own. */
export type SendableType = 'TEXT' | 'IMAGE' | 'VIDEO' | 'AUDIO' | 'FILE';

export type MessageType = SendableType | 'SYSTEM';

export type Role = 'OWNER' | 'ADMIN' | 'MODERATOR' | 'MEMBER';

// Records.

export interface User {
  id: string;
  name: string;
  image: string | null;
}

export interface QuotedUser {
  id: string;
  name: string;
}

/** The message that another one answers, in short. */
export interface Quote {
  id: string;
  content: string;
  user: QuotedUser | null;
}

export interface Message {
  /** A UUID of version 7. */
  id: string;
  groupId: string;
  /** Numbers the messages of a group without a gap. */
  seq: number;
  /** The `seq` of the message's last change. */
  updatedSeq: number;
  /** `null` for what the server itself says. */
  senderId: string | null;
  /** Plain text, never HTML. */
  content: string;
  type: MessageType;
  replyToId: string | null;
  clientMessageId: string | null;
  createdAt: Time;
  editedAt: Time | null;
  deletedAt: Time | null;
  user: User | null;
  replyTo: Quote | null;
  /** Empty, until files exist. */
  attachments: unknown[];
  /** Empty, until reactions exist. */
  reactions: unknown[];
}

export interface ReadState {
  lastReadSeq: number;
  /** Of others, after `lastReadSeq`; at most 1,000. */
  unreadCount: number;
}

export interface Group {
  id: string;
  name: string;
  description: string | null;
  isPrivate: boolean;
  lastSeq: number;
  epoch: string;
  createdAt: Time;
  /** The caller's own. */
  role: Role | null;
}

/** A group in the caller's list. */
export interface GroupEntry extends Group, ReadState {
  lastMessage: Message | null;
}

/** A page of a list over HTTP. */
export interface List<T> {
  items: T[];
  /** Leads on; `null` at the end. */
  nextCursor: string | null;
}

// Failures.

/** One field that is wrong. */
export interface Detail {
  field: string;
  message: string;
}

export interface EventError {
  code: ErrorCode;
  /** For a developer. */
  message: string;
  event: string;
  groupId: string | null;
  retryAfterMs: number | null;
  details: Detail[];
}

/** What a request over HTTP is refused with. */
export interface HttpError {
  error: Pick<EventError, 'code' | 'message' | 'details'>;
}

export interface Refused {
  ok: false;
  error: EventError;
}

export interface Done<T> {
  ok: true;
  data: T;
}

/** What an event is acknowledged with. */
export type Answer<T> = Done<T> | Refused;

/** `duplicate` is there if the message was stored before, under the same `clientMessageId`. */
export type SendMessageAnswer = (Done<Message> & { duplicate?: true }) | Refused;

// What a client sends.

export interface JoinGroup {
  groupId: string;
  /** The newest `updatedSeq` that the client has. */
  afterSeq?: number | null;
  /** That of the last `joined_group_success`. */
  epoch?: string | null;
  /** 1 to 100, default 50. */
  limit?: number | null;
}

export interface LeaveGroup {
  groupId: string;
}

export interface SendMessage {
  groupId: string;
  content: string;
  /** Default `TEXT`. */
  type?: SendableType | null;
  /** A message of the same group. */
  replyToId?: string | null;
  /** 1 to 64 printable ASCII characters without space: makes sending again safe. */
  clientMessageId?: string | null;
  /** Empty, until files exist. */
  attachmentIds?: string[] | null;
}

export interface TypingStart {
  groupId: string;
}

export interface TypingStop {
  groupId: string;
}

export interface GetRoomInfo {
  groupId: string;
  /** 1 to 100; as many as the server lists if absent. */
  limit?: number | null;
  cursor?: string | null;
}

export interface GetGroupMessages {
  groupId: string;
  /** 1 to 100, default 50. */
  limit?: number | null;
  /** Leads to older messages. */
  cursor?: string | null;
  /** Instead of a cursor: what was created or changed after this `seq`. */
  afterSeq?: number | null;
}

export interface MarkRead {
  groupId: string;
  /** Everything up to here. */
  seq: number;
}

export interface RefreshToken {
  token: string;
}

// What the server sends.

/** 0 stands for no limit, but for the sizes. */
export interface SessionLimits {
  connectionsPerUser: number;
  messageBurst: number;
  messagesPerSecond: number;
  typingBurst: number;
  typingPerSecond: number;
  eventBurst: number;
  eventsPerSecond: number;
  joinBurst: number;
  joinsPerSecond: number;
  historyBurst: number;
  historyPerSecond: number;
  roomsPerSocket: number;
  eventBytes: number;
  messageChars: number;
}

export interface TypingTimes {
  /** How long an indicator holds without being renewed. */
  ttlMs: number;
  /** How often others are told of a renewal. */
  renewMs: number;
}

export interface Session {
  userId: string;
  userName: string;
  /** A secret of its owner. */
  socketId: string;
  serverTime: Time;
  tokenExpiresAt: Time;
  limits: SessionLimits;
  typing: TypingTimes;
}

export interface SessionClosed {
  code: 'SERVER_SHUTDOWN' | 'SLOW_CONSUMER' | 'RATE_LIMITED' | 'AUTH_EXPIRED' | 'SERVICE_UNAVAILABLE' | 'EVICTED';
  message: string;
  reconnect: boolean;
  reconnectInMs: number | null;
}

export interface AuthExpired {
  disconnectInMs: number;
}

export interface TokenRefreshed {
  tokenExpiresAt: Time;
}

export type Feature = 'presence' | 'typing' | 'delivery' | 'limits';

export interface ServiceStatus {
  level: 'full' | 'degraded';
  affected: Feature[];
  since: Time;
}

export interface Typist {
  userId: string;
  userName: string;
}

export interface JoinedGroupSuccess {
  groupId: string;
  memberCount: number;
  socketCount: number;
  lastSeq: number;
  epoch: string;
  /** The client has to drop what it has of this group. */
  reset: boolean;
  typing: Typist[];
}

export interface LeftGroupSuccess {
  groupId: string;
  memberCount: number;
  socketCount: number;
}

export interface UserJoinedGroup {
  groupId: string;
  userId: string;
  userName: string;
  memberCount: number;
}

export interface UserLeftGroup {
  groupId: string;
  userId: string;
  userName: string;
  memberCount: number;
}

export interface UserTyping {
  groupId: string;
  userId: string;
  userName: string;
}

export interface UserStoppedTyping {
  groupId: string;
  userId: string;
}

export interface RoomMembersUpdate {
  groupId: string;
  onlineMembers: string[];
  memberCount: number;
  socketCount: number;
  truncated: boolean;
  nextCursor: string | null;
}

export interface GroupMessages {
  groupId: string;
  /** Oldest first. */
  messages: Message[];
  hasNextPage: boolean;
  /** Leads to older messages; `null` with `afterSeq`. */
  nextCursor: string | null;
}

export interface RemovedFromGroup {
  groupId: string;
  reason: 'REMOVED' | 'BANNED' | 'GROUP_DELETED';
}

export interface AddedToGroup {
  groupId: string;
  name: string;
  role: Role;
  /** `null` for the administrator. */
  by: string | null;
}

export interface GroupUpdated {
  groupId: string;
  name: string;
  description: string | null;
  isPrivate: boolean;
}

export interface MemberUpdated {
  groupId: string;
  userId: string;
  role: Role;
}

export interface UnreadUpdate extends ReadState {
  groupId: string;
}

// The maps of events.

// A callback that may be left out would make `emitWithAck` return `any`. So it is there wherever an answer counts.
export interface ClientToServerEvents {
  join_group: (argument: string | JoinGroup, answer: (answer: Answer<JoinedGroupSuccess>) => void) => void;
  leave_group: (argument: string | LeaveGroup, answer: (answer: Answer<LeftGroupSuccess>) => void) => void;
  send_message: (argument: SendMessage, answer: (answer: SendMessageAnswer) => void) => void;
  typing_start: (argument: TypingStart, answer?: (answer: Answer<Record<string, never>>) => void) => void;
  typing_stop: (argument: TypingStop, answer?: (answer: Answer<Record<string, never>>) => void) => void;
  get_room_info: (argument: GetRoomInfo, answer: (answer: Answer<RoomMembersUpdate>) => void) => void;
  get_group_messages: (argument: GetGroupMessages, answer: (answer: Answer<GroupMessages>) => void) => void;
  mark_read: (argument: MarkRead, answer: (answer: Answer<ReadState>) => void) => void;
  refresh_token: (argument: RefreshToken, answer: (answer: Answer<TokenRefreshed>) => void) => void;
}

export interface ServerToClientEvents {
  session: (payload: Session) => void;
  session_closed: (payload: SessionClosed) => void;
  service_status: (payload: ServiceStatus) => void;
  auth_expired: (payload: AuthExpired) => void;
  error: (payload: EventError) => void;
  joined_group_success: (payload: JoinedGroupSuccess) => void;
  left_group_success: (payload: LeftGroupSuccess) => void;
  group_messages: (payload: GroupMessages) => void;
  room_members_update: (payload: RoomMembersUpdate) => void;
  user_joined_group: (payload: UserJoinedGroup) => void;
  user_left_group: (payload: UserLeftGroup) => void;
  message_received: (payload: Message) => void;
  user_typing: (payload: UserTyping) => void;
  user_stopped_typing: (payload: UserStoppedTyping) => void;
  unread_update: (payload: UnreadUpdate) => void;
  added_to_group: (payload: AddedToGroup) => void;
  removed_from_group: (payload: RemovedFromGroup) => void;
  group_updated: (payload: GroupUpdated) => void;
  member_updated: (payload: MemberUpdated) => void;
}
