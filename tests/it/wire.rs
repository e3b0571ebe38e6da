//! Incomplete, endless and hostile responses, and requests that are rejected before they are sent.

mod answers;
mod checked;
mod echoes;
mod hostile;
mod limits;
