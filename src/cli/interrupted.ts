import { fromEvent, merge, type Observable } from 'rxjs';

/** Emits at Ctrl+C and at SIGTERM, by which a command that goes on for ever is ended, and ends well. */
export function interrupted(): Observable<unknown> {
  return merge(fromEvent(process, 'SIGINT'), fromEvent(process, 'SIGTERM'));
}
