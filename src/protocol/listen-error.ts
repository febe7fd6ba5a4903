/**
 * Why nothing listens, with the variables to look at.
 * @param variables what `_HOST` and `_PORT` follow
 */
export function listenError(
  error: unknown,
  { host, port }: { host: string; port: number },
  variables: 'MQTT' | 'HTTP',
): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  const text =
    code === 'EADDRINUSE'
      ? `Port ${port} on ${host} is taken: set ${variables}_PORT`
      : `${variables}_HOST and ${variables}_PORT cannot be listened on: ${message}`;
  return new Error(text, { cause: error });
}
