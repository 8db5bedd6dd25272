// A failure with one line to show. status: of HTTP, 0 where there is none

export class Refusal extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }

  get needsToken() { return this.status === 401; }
}
