//! What the bytes of a connection go over: TCP, or TLS.
//!
//! Without TLS this is what is read: what is written goes over the connection's [`super::lane`].

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, tcp::OwnedReadHalf},
};
use tokio_rustls::{Accept, TlsAcceptor, server::TlsStream};

/// A stream of bytes. The handshake of TLS is part of the first read or write, so that nobody else waits for it.
pub enum Stream {
    /// TCP alone, as far as it is read.
    Plain(OwnedReadHalf),
    /// Boxed, because without TLS nobody has room for it.
    Greeting(Box<Accept<TcpStream>>),
    /// After the handshake.
    Secure(Box<TlsStream<TcpStream>>),
    /// After a handshake that failed.
    Ended,
}

impl Stream {
    /// The server's side of TLS.
    pub fn over_tls(tcp: TcpStream, config: Arc<ServerConfig>) -> Self {
        Self::Greeting(Box::new(TlsAcceptor::from(config).accept(tcp)))
    }

    fn poll_greeted(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Self::Greeting(accept) = self {
            let greeted = ready!(Pin::new(accept).poll(context));
            *self = Self::Ended;
            *self = Self::Secure(Box::new(greeted?));
        }
        Poll::Ready(Ok(()))
    }
}

fn ended<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_greeted(context))?;
        match &mut *self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Greeting(_) | Self::Ended => ended(),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_greeted(context))?;
        match &mut *self {
            Self::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Plain(_) | Self::Greeting(_) | Self::Ended => ended(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Secure(stream) => Pin::new(stream).poll_flush(context),
            Self::Plain(_) | Self::Greeting(_) | Self::Ended => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Plain(_) | Self::Greeting(_) | Self::Ended => Poll::Ready(Ok(())),
        }
    }
}
