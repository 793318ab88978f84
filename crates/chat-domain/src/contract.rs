//! What every implementation of a port must do, as tests to call.
