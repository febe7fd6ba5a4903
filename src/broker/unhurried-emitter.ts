import mqemitter from 'mqemitter';

/**
 * Aedes's default emitter works on 100 messages at a time, each until its slowest receiver has taken it, so that
 * one client that stops reading holds up everybody. This one does not wait; slow clients are cut off instead.
 * The callback comes after the deliveries, which Aedes writes with setImmediate, so after the packet was written.
 */
export function unhurriedEmitter(): ReturnType<typeof mqemitter> {
  const emitter = mqemitter({ matchEmptyLevels: true, concurrency: 0 } as object);
  const emit = emitter.emit.bind(emitter);
  emitter.emit = (message, done) => {
    emit(message);
    setImmediate(() => done?.());
    return emitter;
  };
  return emitter;
}
