//! What may come back over the wire in place of a whole answer of AWS's, and what of a request must not.

mod answers;
mod checked;
mod echoes;
mod hostile;
mod limits;
