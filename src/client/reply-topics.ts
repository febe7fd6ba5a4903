import { isActionName, responseTopic } from '../protocol/topics.js';
import type { Connection } from './connection.js';

/** The topics that replies come on, each subscribed to at its first use on a connection. */
export class ReplyTopics {
  private readonly granted = new Map<string, Promise<void>>();

  constructor(private readonly connection: Connection) {}

  /**
   * With MQTT 5 one for all, as Response Topic; without, the service names the action in it.
   * @throws {RpcException} 403 where the broker refuses the subscription
   * @throws {ConnectionLost}
   */
  async for(action: string): Promise<string> {
    const isNamed = !this.connection.speaksMqtt5 && isActionName(action);
    const topic = responseTopic(isNamed ? action : null, this.connection.clientId);
    let granted = this.granted.get(topic);
    if (!granted) {
      granted = this.connection.subscribe(topic);
      this.granted.set(topic, granted);
      granted.catch(() => this.granted.get(topic) === granted && this.granted.delete(topic));
    }
    await granted;
    return topic;
  }

  /** The connection, and the subscriptions with it, have ended. */
  clear(): void {
    this.granted.clear();
  }
}
