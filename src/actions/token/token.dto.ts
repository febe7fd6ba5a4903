import { TextField } from '../../transport/dto/dto-fields.js';

export class AuthenticateDto {
  @TextField({ description: 'an access token', example: 'eyJhbGciOiJIUzI1NiJ9...' })
  token?: string | null;
}

const EMPTY = 'Invalid or empty authorization request parameters';

export class TokenDto {
  @TextField({ required: EMPTY, wrong: EMPTY, pattern: /\S/, example: 'dhadmin' })
  login!: string;

  @TextField({ required: EMPTY, wrong: EMPTY, minLength: 1, example: 'dhadmin_#911' })
  password!: string;
}
