import mqemitter from 'mqemitter';
import { isDeviceHiveTopic } from '../protocol/topics.js';

type Listener = Parameters<ReturnType<typeof mqemitter>['on']>[1];

/**
 * Aedes's default emitter works on 100 messages at a time, each until its slowest receiver has taken it, so that
 * one client that stops reading holds up everybody. This one does not wait; slow clients are cut off instead.
 * The callback comes after the deliveries, which Aedes writes with setImmediate, so after the packet was written.
 *
 * It keeps no filters below dh/: what matches them does not pass through Aedes, and a copy of each would only take room.
 */
export function unhurriedEmitter(): ReturnType<typeof mqemitter> {
  const emitter = mqemitter({ matchEmptyLevels: true, concurrency: 0 } as object);
  const emit = emitter.emit.bind(emitter);
  emitter.emit = (message, done) => {
    emit(message);
    setImmediate(() => done?.());
    return emitter;
  };
  const ordinaryOnly =
    (change: typeof emitter.on): typeof emitter.on =>
    (topic: string, listener: Listener, done?: () => void) => {
      if (!isDeviceHiveTopic(topic)) return change(topic, listener, done);
      if (done) setImmediate(done);
      return emitter;
    };
  emitter.on = ordinaryOnly(emitter.on.bind(emitter));
  emitter.removeListener = ordinaryOnly(emitter.removeListener.bind(emitter) as typeof emitter.on);
  return emitter;
}
