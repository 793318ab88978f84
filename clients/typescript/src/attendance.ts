import {
  entered,
  listed,
  NOBODY,
  outdated,
  type Presence,
  startedTyping,
  stoppedTyping,
  type Typists,
  userJoined,
  userLeft,
} from './core/presence.js';
import type { News } from './requests.js';
import { Cell } from './store.js';
import type { JoinedGroupSuccess, RoomMembersUpdate } from './wire.js';

/** Who is in a room, and who types there. */
export class Attendance {
  readonly presence = new Cell<Presence>(NOBODY);
  readonly typists = new Cell<Typists>([]);
  /** Answers to `get_room_info` that will come once more as an event. */
  #echoes: string[] = [];

  entered(joined: JoinedGroupSuccess): void {
    this.presence.update((presence) => entered(presence, joined));
    this.typists.set(joined.typing);
  }

  /** Somebody asked for a page of the list: it is not the state of the room. */
  asked(page: RoomMembersUpdate): void {
    this.#echoes.push(JSON.stringify(page));
  }

  heard(news: News): void {
    switch (news.name) {
      case 'room_members_update':
        if (!this.#isEcho(news.payload)) this.presence.set(listed(news.payload));
        break;
      case 'user_joined_group':
        this.presence.update((presence) => userJoined(presence, news.payload));
        break;
      case 'user_left_group':
        this.presence.update((presence) => userLeft(presence, news.payload));
        this.typists.update((typists) => stoppedTyping(typists, news.payload));
        break;
      case 'user_typing':
        this.typists.update((typists) => startedTyping(typists, news.payload));
        break;
      case 'user_stopped_typing':
        this.typists.update((typists) => stoppedTyping(typists, news.payload));
        break;
    }
  }

  lost(): void {
    this.#echoes = [];
    this.presence.update(outdated);
    this.typists.set([]);
  }

  #isEcho(update: RoomMembersUpdate): boolean {
    const place = this.#echoes.indexOf(JSON.stringify(update));
    if (place >= 0) this.#echoes.splice(place, 1);
    return place >= 0;
  }
}
