//! The resource `appender`.
//!
//! Invariant: a handle that was closed answers `closed`; every function but those with a timeout
//! returns without waiting.

use alloc::vec::Vec;
use core::cell::RefCell;

use crate::bindings::exports::everblob::append::append_stream as api;
use crate::driver::wasi02::Driver;
use crate::error::Error;
use crate::time::{Span, Time};
use crate::writer::{Ticket, Writer};

/// A handle of the caller.
pub(super) struct Appender(RefCell<Driver>);

impl Appender {
    fn begin(
        location: &api::Location,
        credential: api::Credential,
        options: api::Options,
    ) -> Result<Driver, Error> {
        let checksums = options.checksums.unwrap_or(true);
        let mut driver = Driver::new(
            options.try_into()?,
            location.try_into()?,
            credential.try_into()?,
            checksums,
        )?;
        driver.command(|_, _| ());
        Ok(driver)
    }

    /// Gives a command that answers a ticket, and waits for it.
    #[inline(never)]
    fn order(
        &self,
        timeout: Option<u64>,
        command: fn(&mut Writer, Time) -> Result<Ticket, Error>,
    ) -> Result<api::Position, api::Error> {
        let mut driver = self.0.borrow_mut();
        let ticket = driver.command(command)?;
        Ok(driver.finish(&ticket, timeout.map(Span))?.into())
    }
}

impl api::GuestAppender for Appender {
    fn open(
        location: api::Location,
        credential: api::Credential,
        options: api::Options,
    ) -> Result<api::Appender, api::Error> {
        let mut driver = Self::begin(&location, credential, options)?;
        let ticket = driver.command(|writer, now| writer.opening(now));
        driver.finish(&ticket, None)?;
        Ok(api::Appender::new(Self(RefCell::new(driver))))
    }

    fn start(
        location: api::Location,
        credential: api::Credential,
        options: api::Options,
    ) -> Result<api::Appender, api::Error> {
        let driver = Self::begin(&location, credential, options)?;
        Ok(api::Appender::new(Self(RefCell::new(driver))))
    }

    fn append(&self, data: Vec<u8>) -> Result<u64, api::Error> {
        Ok(self.0.borrow_mut().command(|writer, _| writer.append(&data))?)
    }

    fn flush(&self, timeout: Option<u64>) -> Result<api::Position, api::Error> {
        self.order(timeout, Writer::flush)
    }

    fn drive(&self, time: u64) -> Result<api::Position, api::Error> {
        let mut driver = self.0.borrow_mut();
        driver.drive(Span(time));
        let writer = driver.writer();
        if writer.is_closed() {
            return Err(api::Error::Closed);
        }
        match writer.stopped_by() {
            Some(error) => Err(error.clone().into()),
            None => Ok(writer.position().into()),
        }
    }

    fn rollover(&self, timeout: Option<u64>) -> Result<api::Position, api::Error> {
        self.order(timeout, Writer::rollover)
    }

    fn compact(&self, timeout: Option<u64>) -> Result<api::CompactionReport, api::Error> {
        self.order(timeout, Writer::compact)?;
        Ok(self.0.borrow_mut().command(|writer, _| writer.compacted()).into())
    }

    fn seal(&self, timeout: Option<u64>) -> Result<api::Position, api::Error> {
        self.order(timeout, Writer::seal)
    }

    fn close(&self, timeout: Option<u64>) -> Result<api::Position, api::Error> {
        let position = self.order(timeout, Writer::close)?;
        self.0.borrow_mut().command(|writer, _| writer.closed());
        Ok(position)
    }

    fn set_credential(&self, credential: api::Credential) -> Result<(), api::Error> {
        let mut driver = self.0.borrow_mut();
        if driver.writer().is_closed() {
            return Err(api::Error::Closed);
        }
        Ok(driver.set_credential(credential.try_into()?)?)
    }

    fn position(&self) -> api::Position {
        self.0.borrow().writer().position().into()
    }

    fn info(&self) -> Option<api::Info> {
        self.0.borrow().writer().opened().map(Into::into)
    }

    fn segments(&self) -> Vec<api::Segment> {
        let driver = self.0.borrow();
        let location = driver.location();
        let touched = driver.writer().touched();
        touched.iter().map(|touched| super::convert::segment(touched, location)).collect()
    }

    fn stats(&self) -> api::Stats {
        self.0.borrow().writer().stats().into()
    }
}
