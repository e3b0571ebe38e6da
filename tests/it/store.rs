//! `awsmfa store …`: what the stores hold, and how it is moved.

mod status;
