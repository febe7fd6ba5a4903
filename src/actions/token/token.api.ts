import {
  refreshTokenExpired,
  tokenTooLong,
  tooManyLogins,
  userNotActive,
  wrongTokenType,
} from '../../auth/auth.errors.js';
import { accessDenied, invalidCredentials, tokenExpired, unauthorized } from '../../protocol/action-error.js';
import { described, TEXT } from '../../protocol/json-schema.js';
import type { ActionDescription } from '../api-action.decorator.js';
import {
  needsSession,
  providerMakesNoTokens,
  unknownPermission,
  userNotFound,
  wrongExpiration,
} from './token.errors.js';

const JWT = 'eyJhbGciOiJIUzI1NiJ9...';
const ACCESS_TOKEN = described(TEXT, 'a JWT for `authenticate`, and for the field `token` of requests', JWT);
const REFRESH_TOKEN = described(TEXT, 'a JWT for `token/refresh`', JWT);
const BOTH = { accessToken: ACCESS_TOKEN, refreshToken: REFRESH_TOKEN };

/** What the description of the API says of `TokenController`. */
export const api = {
  authenticate: {
    summary: 'Binds an access token to the connection',
    reply: {},
    errors: [unauthorized(), invalidCredentials(), tokenExpired(), needsSession()],
  },
  token: {
    summary: 'Login and password for an access token and a refresh token',
    reply: BOTH,
    errors: [tokenTooLong(), invalidCredentials(), userNotActive(401), tooManyLogins()],
  },
  create: {
    summary: "Tokens for oneself, or by an administrator for others, within the caller's rights",
    reply: BOTH,
    errors: [
      unknownPermission('<name>'),
      wrongExpiration(),
      tokenTooLong(),
      accessDenied(),
      userNotActive(403),
      providerMakesNoTokens(),
      userNotFound(7),
    ],
  },
  refresh: {
    summary: 'A refresh token for an access token',
    reply: { accessToken: ACCESS_TOKEN },
    errors: [invalidCredentials(), wrongTokenType(), refreshTokenExpired()],
  },
} satisfies Record<string, ActionDescription>;
