import mqemitter from 'mqemitter';
import { isDeviceHiveTopic } from '../protocol/topics.js';

type Listener = Parameters<ReturnType<typeof mqemitter>['on']>[1];
/** The part of mqemitter 7.1.0 that its types leave out. */
type Matching = { _matcher: { remove(topic: string, listener: Listener): void } };

/**
 * Aedes's default emitter works on 100 messages at a time, each until its slowest receiver has taken it, so that
 * one client that stops reading holds up everybody. This one does not wait; slow clients are cut off instead.
 * The callback comes after the deliveries, which Aedes writes with setImmediate, so after the packet was written.
 *
 * It keeps no filters below dh/: what matches them does not pass through Aedes, and a copy of each would only take room.
 *
 * Listeners come and go before the call returns, and `done` is called in it: otherwise Aedes lets a SUBSCRIBE pass an
 * UNSUBSCRIBE that came before it, and the client is left without the filter.
 */
export function unhurriedEmitter(): ReturnType<typeof mqemitter> {
  const emitter = mqemitter({ matchEmptyLevels: true, concurrency: 0 } as object);
  const emit = emitter.emit.bind(emitter);
  emitter.emit = (message, done) => {
    emit(message);
    setImmediate(() => done?.());
    return emitter;
  };
  const on = emitter.on.bind(emitter);
  emitter.on = (topic: string, listener: Listener, done?: () => void) => {
    if (!isDeviceHiveTopic(topic)) on(topic, listener);
    done?.();
    return emitter;
  };
  emitter.removeListener = (topic: string, listener: Listener, done?: () => void) => {
    // Its own removeListener waits for the next turn of the event loop.
    if (!isDeviceHiveTopic(topic)) (emitter as unknown as Matching)._matcher.remove(topic, listener);
    done?.();
    return emitter;
  };
  return emitter;
}
