import { TextField } from '../../transport/dto/dto-fields.js';

export class AuthenticateDto {
  /** an access token */
  @TextField()
  token?: string | null;
}

const EMPTY = 'Invalid or empty authorization request parameters';

export class TokenDto {
  @TextField({ required: EMPTY, wrong: EMPTY, accepts: (login) => login.trim() !== '' })
  login!: string;

  @TextField({ required: EMPTY, wrong: EMPTY, accepts: (password) => password !== '' })
  password!: string;
}
