// Several servers that act as one: the same database, the same Redis.

import { newDatabase, Server } from './server.js';
import { World } from './provision.js';
import { Redis } from './redis.js';

export class Fleet {
  /** One world for each node; users, groups and tokens of any of them hold at all. */
  nodes = [];

  static async start(size, env = {}) {
    const fleet = new Fleet();
    fleet.redis = await Redis.start();
    const shared = { redis: fleet.redis, databaseUrl: await newDatabase() };
    for (let number = 0; number < size; number += 1) {
      const server = await Server.start(env, [], { ...shared, keys: fleet.nodes[0]?.server.keys });
      fleet.nodes.push(new World(server));
    }
    return fleet;
  }

  async close() {
    for (const node of this.nodes) await node.close();
    await this.redis.close();
  }
}
