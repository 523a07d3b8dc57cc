//! Reading a live HLS origin over HTTP.
