// What travels between a client and chat-server, as docs/protocol.md has it. Nothing here exists at run time.
// Made from crates/chat-server/src/wire by `make schema`.
//
// What the server sends has every field; what is absent is `null`. What a client sends may leave optional fields out.

/** A member to add. */
export interface AddMember {
  /** Who. */
  userId: Id;
  /** Default `MEMBER`. */
  role?: Role | null;
}

/** `added_to_group`. */
export interface AddedToGroup {
  groupId: string;
  name: string;
  role: Role;
  /** `null` for the administrator. */
  by: string | null;
}

/** `auth_expired`: the connection ends unless a new token comes. */
export interface AuthExpired {
  disconnectInMs: number;
}

/** What to change of a group; what is missing stays. */
export interface ChangeGroup {
  /** 1 to 128 characters. */
  name?: string | null;
  /** At most 2,000 characters; `null` takes it away. */
  description?: string | null;
  /** Whether it is hidden from those who are not members. */
  isPrivate?: boolean | null;
}

/** Made by the client, so that sending again is safe: printable ASCII characters without space. */
export type ClientMessageId = string;

/** Why a connection ends. */
export type ClosingCode =
  'SERVER_SHUTDOWN' | 'SLOW_CONSUMER' | 'RATE_LIMITED' | 'AUTH_EXPIRED' | 'SERVICE_UNAVAILABLE' | 'EVICTED';

/** A group to make. */
export interface CreateGroup {
  /** 1 to 128 characters. */
  name: string;
  /** At most 2,000 characters. */
  description?: string | null;
  /** Default `false`. */
  isPrivate?: boolean | null;
}

/** One field that is wrong. */
export interface Detail {
  field: string;
  message: string;
}

/** A newcomer to a development server. */
export interface DevLogin {
  /** 1 to 128 characters. The same name is the same user. */
  name: string;
}

/** What a newcomer to a development server gets. */
export interface DevSession {
  token: string;
  user: User;
}

/** It is done. */
export interface Done<T> {
  ok: True;
  data: T;
  /** There if the message was stored before, under the same `clientMessageId`. */
  duplicate?: True;
}

/** Which history of the group: another one after the database was restored. */
export type Epoch = string;

/** What kind of failure it is. The contract, section 0, says what each code means. */
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

/** The error object of acknowledgements and of the event `error`. */
export interface EventError {
  code: ErrorCode;
  /** One plain sentence for a developer. */
  message: string;
  /** What was refused. */
  event: string;
  groupId: string | null;
  /** After how long trying again can succeed. */
  retryAfterMs: number | null;
  /** The fields that are wrong. */
  details: Detail[];
}

/** The body of every failed request. */
export interface Failure {
  error: FailureDetail;
}

/** What went wrong. */
export interface FailureDetail {
  code: ErrorCode;
  /** One plain sentence for a developer. */
  message: string;
  /** The fields that are wrong. */
  details: Detail[];
}

/** It is not so. */
export type False = false;

/** What may not work as it should. */
export type Feature = 'presence' | 'typing' | 'delivery' | 'limits';

export type GetGroupMessages = InGroup & HistoryPage;

/** `get_room_info`. */
export interface GetRoomInfo {
  groupId: Id;
  /** Default: as many as the server lists. */
  limit?: Limit | null;
  /** Leads on. */
  cursor?: string | null;
}

/** A role to give. */
export interface GiveRole {
  /** `ADMIN`, `MODERATOR` or `MEMBER`. */
  role: Role;
}

/** A group, as one of its members or the administrator sees it. */
export interface Group {
  id: string;
  name: string;
  description: string | null;
  isPrivate: boolean;
  lastSeq: number;
  epoch: string;
  createdAt: Time;
  /** The caller's role; `null` for the administrator. */
  role: Role | null;
}

/** A group in the caller's list. */
export interface GroupEntry extends Group, ReadState {
  lastMessage: Message | null;
}

/** `group_messages`. */
export interface GroupMessages {
  groupId: string;
  /** Oldest first; by `updatedSeq` with `afterSeq`. */
  messages: Message[];
  hasNextPage: boolean;
  /** Leads to older messages; `null` with `afterSeq`. */
  nextCursor: string | null;
}

/** `group_updated`. */
export interface GroupUpdated {
  groupId: string;
  name: string;
  description: string | null;
  isPrivate: boolean;
}

/** A page of a history. */
export interface History {
  items: Message[];
  hasNextPage: boolean;
  /** Leads to older messages; `null` when reading forwards. */
  nextCursor: string | null;
}

/** Which page of a history. */
export interface HistoryPage {
  /** 1 to 100, default 50. */
  limit?: Limit | null;
  /** Leads to older messages. */
  cursor?: string | null;
  /** Instead of a cursor: what was created or changed after this `seq`. */
  afterSeq?: Seq | null;
}

/** The id of a user or a group. */
export type Id = string;

/** `leave_group`, `typing_start`, `typing_stop`. */
export interface InGroup {
  groupId: Id;
}

export type InGroupOrId = Id | InGroup;

/** `join_group`. */
export interface JoinGroup {
  groupId: Id;
  /** The newest `updatedSeq` that the client has. */
  afterSeq?: Seq | null;
  /** That of the last `joined_group_success`. */
  epoch?: Epoch | null;
  /** Of the messages that are asked for by `afterSeq`; default 50. */
  limit?: Limit | null;
}

export type JoinGroupOrId = Id | JoinGroup;

/** `joined_group_success`. */
export interface JoinedGroup {
  groupId: string;
  memberCount: number;
  socketCount: number;
  lastSeq: number;
  epoch: string;
  /** The client has to drop what it has of this group. */
  reset: boolean;
  typing: Typist[];
}

/** `left_group_success`. */
export interface LeftGroup {
  groupId: string;
  memberCount: number;
  socketCount: number;
}

/** How well the server serves. */
export type Level = 'full' | 'degraded';

/** How many: 1 to 100. */
export type Limit = number;

/** A page of a list. */
export interface List<T> {
  items: T[];
  /** Leads on; `null` at the end. */
  nextCursor: string | null;
}

/** A member in the list of a group. */
export interface ListedMember extends Member {
  /** Whether the user is in the room. */
  inRoom: boolean;
  user: User;
}

export type MarkRead = InGroup & ReadUpTo;

/** A member of a group. */
export interface Member {
  groupId: string;
  userId: string;
  role: Role;
  joinedAt: Time;
}

/** `member_updated`. */
export interface MemberUpdated {
  groupId: string;
  userId: string;
  role: Role;
}

/** A message; also the event `message_received`. */
export interface Message {
  id: MessageId;
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
  replyToId: MessageId | null;
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

/** A UUID of version 7. */
export type MessageId = string;

/** What a message is. */
export type MessageType = 'TEXT' | 'IMAGE' | 'VIDEO' | 'AUDIO' | 'FILE' | 'SYSTEM';

/** What a message is made of, for `send_message` and for the requests that do the same. */
export interface NewMessage {
  /** 1 to 4,000 characters of plain text. */
  content: string;
  /** `TEXT` (default), `IMAGE`, `VIDEO`, `AUDIO` or `FILE`. */
  type?: SendableType | null;
  /** A message of the same group. */
  replyToId?: MessageId | null;
  /** 1 to 64 printable ASCII characters without space: makes sending again safe. */
  clientMessageId?: ClientMessageId | null;
  /** Empty, until files exist. */
  attachmentIds?: NoAttachments | null;
}

/** Empty, until files exist. */
export type NoAttachments = string[];

/** The data of an answer that has none. */
export type Nothing = Record<string, never>;

/** Who is to own the group. */
export interface PassOn {
  /** A member. */
  userId: Id;
}

/** The message that another one answers, in short. */
export interface Quote {
  id: MessageId;
  content: string;
  user: QuotedUser | null;
}

/** Who said what is answered. */
export interface QuotedUser {
  id: string;
  name: string;
}

/** How far a user has read: the answer to `mark_read`. */
export interface ReadState {
  lastReadSeq: number;
  /** Of others, after `lastReadSeq`; at most 1,000. */
  unreadCount: number;
}

/** How far the caller has read. */
export interface ReadUpTo {
  /** Everything up to here. */
  seq: Seq;
}

/** `refresh_token`. */
export interface RefreshToken {
  token: string;
}

/** It is not done. */
export interface Refused {
  ok: False;
  error: EventError;
}

/** Why somebody is no member any more. */
export type RemovalReason = 'REMOVED' | 'BANNED' | 'GROUP_DELETED';

/** `removed_from_group`. */
export interface RemovedFromGroup {
  groupId: string;
  reason: RemovalReason;
}

/** What a member may do in a group. */
export type Role = 'MEMBER' | 'MODERATOR' | 'ADMIN' | 'OWNER';

/** `room_members_update`. */
export interface RoomMembers {
  groupId: string;
  /** Their ids, sorted. */
  onlineMembers: string[];
  memberCount: number;
  socketCount: number;
  /** There are more than these: `nextCursor` leads on. */
  truncated: boolean;
  nextCursor: string | null;
}

export type SendMessage = InGroup & NewMessage;

/** What a client may send; `SYSTEM` is the server's own. */
export type SendableType = 'TEXT' | 'IMAGE' | 'VIDEO' | 'AUDIO' | 'FILE';

/** Numbers the messages of a group without a gap. */
export type Seq = number;

/** `service_status`: how well the server serves. */
export interface ServiceStatus {
  level: Level;
  affected: Feature[];
  since: Time;
}

/** `session`: the first event on a new connection. */
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

/** `session_closed`: why the server ends a connection. */
export interface SessionClosed {
  code: ClosingCode;
  message: string;
  /** Whether the client may come back. */
  reconnect: boolean;
  /** Not before that. */
  reconnectInMs: number | null;
}

/** The limits that concern a client; 0 stands for none, but for the sizes. */
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

/** RFC 3339 in UTC with milliseconds: `2026-11-23T10:00:00.000Z`. */
export type Time = string;

/** The answer to `refresh_token`. */
export interface TokenRefreshed {
  tokenExpiresAt: Time;
}

/** It is so. */
export type True = true;

/** The server's own timings of typing indicators. */
export interface TypingTimes {
  /** How long an indicator holds without being renewed. */
  ttlMs: number;
  /** How often others are told of a renewal. */
  renewMs: number;
}

/** Somebody who types. */
export interface Typist {
  userId: string;
  userName: string;
}

/** `unread_update`. */
export interface UnreadUpdate extends ReadState {
  groupId: string;
}

/** A user, as others see them. */
export interface User {
  id: string;
  name: string;
  image: string | null;
}

/** `user_joined_group`, `user_left_group`. */
export interface UserMoved {
  groupId: string;
  userId: string;
  userName: string;
  memberCount: number;
}

/** `user_stopped_typing`. */
export interface UserStoppedTyping {
  groupId: string;
  userId: string;
}

/** `user_typing`. */
export interface UserTyping {
  groupId: string;
  userId: string;
  userName: string;
}

export type LeaveGroup = InGroupOrId;
export type TypingStart = InGroup;
export type TypingStop = InGroup;
export type JoinedGroupSuccess = JoinedGroup;
export type LeftGroupSuccess = LeftGroup;
export type RoomMembersUpdate = RoomMembers;
export type UserJoinedGroup = UserMoved;
export type UserLeftGroup = UserMoved;
export type MessageReceived = Message;

/** What an event is acknowledged with. */
export type Answer<T> = Done<T> | Refused;

// A callback that may be left out would make `emitWithAck` return `any`. So it is there wherever an answer counts.
export interface ClientToServerEvents {
  /** Enters the room of a group, and catches up. */
  join_group: (argument: JoinGroupOrId, answer: (answer: Answer<JoinedGroup>) => void) => void;
  /** Leaves the room. */
  leave_group: (argument: InGroupOrId, answer: (answer: Answer<LeftGroup>) => void) => void;
  /** Sends a message. It is answered when the message is on the disk. */
  send_message: (argument: SendMessage, answer: (answer: Answer<Message>) => void) => void;
  /** The user types; to be sent again while that goes on. */
  typing_start: (argument: InGroup, answer?: (answer: Answer<Nothing>) => void) => void;
  /** The user types no longer. */
  typing_stop: (argument: InGroup, answer?: (answer: Answer<Nothing>) => void) => void;
  /** Asks who is in the room. */
  get_room_info: (argument: GetRoomInfo, answer: (answer: Answer<RoomMembers>) => void) => void;
  /** Asks for a page of messages. */
  get_group_messages: (argument: GetGroupMessages, answer: (answer: Answer<GroupMessages>) => void) => void;
  /** Everything up to there has been read. */
  mark_read: (argument: MarkRead, answer: (answer: Answer<ReadState>) => void) => void;
  /** Brings a new token, and keeps the connection. */
  refresh_token: (argument: RefreshToken, answer: (answer: Answer<TokenRefreshed>) => void) => void;
}

export interface ServerToClientEvents {
  /** The first event on a new connection. */
  session: (payload: Session) => void;
  /** Why the server ends the connection. The last event. */
  session_closed: (payload: SessionClosed) => void;
  /** How well the server serves: when that changes. */
  service_status: (payload: ServiceStatus) => void;
  /** The token has expired, and the connection ends unless a new one comes. */
  auth_expired: (payload: AuthExpired) => void;
  /** What a client sent without asking for an answer is refused. */
  error: (payload: EventError) => void;
  /** This socket is in the room. */
  joined_group_success: (payload: JoinedGroup) => void;
  /** This socket is no longer in the room. */
  left_group_success: (payload: LeftGroup) => void;
  /** A page of messages. */
  group_messages: (payload: GroupMessages) => void;
  /** Who is in the room. */
  room_members_update: (payload: RoomMembers) => void;
  /** A user's first socket entered the room. */
  user_joined_group: (payload: UserMoved) => void;
  /** A user's last socket left the room. */
  user_left_group: (payload: UserMoved) => void;
  /** A message, in the order of `seq`. */
  message_received: (payload: Message) => void;
  /** A user types. */
  user_typing: (payload: UserTyping) => void;
  /** A user types no longer. */
  user_stopped_typing: (payload: UserStoppedTyping) => void;
  /** What the user has not read of a group. */
  unread_update: (payload: UnreadUpdate) => void;
  /** The user has become a member. */
  added_to_group: (payload: AddedToGroup) => void;
  /** The user is a member no longer. */
  removed_from_group: (payload: RemovedFromGroup) => void;
  /** A group has another name, or the like. */
  group_updated: (payload: GroupUpdated) => void;
  /** A member has another role. */
  member_updated: (payload: MemberUpdated) => void;
}
