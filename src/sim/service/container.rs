//! Containers: create, delete, look at.

use alloc::string::ToString as _;

use crate::call::Metadata;
use crate::time::UnixTime;

use super::answer::{Answer, ContainerProperties, Stamp};
use super::effect::{Change, Effect};
use super::extent::Extent;
use super::state::Service;
use super::{Accepted, Decision, name, refusal};

impl<E: Extent> Service<E> {
    pub(super) fn create_container(
        &self,
        container: &str,
        metadata: &Metadata,
        now: UnixTime,
    ) -> Decision<E> {
        name::check_container(container)?;
        name::check_metadata(metadata)?;
        if self.containers.contains_key(container) {
            return Err(refusal::CONTAINER_EXISTS);
        }
        let revision = self.next_revision();
        let change = Change::ContainerCreated {
            container: container.to_string(),
            metadata: metadata.clone(),
            revision,
            at: now,
        };
        let answer = Answer::ContainerCreated(Stamp { revision, modified: now });
        Ok(Accepted { answer, effect: Some(Effect { change, content: None }) })
    }

    pub(super) fn delete_container(&self, container: &str) -> Decision<E> {
        self.container(container)?;
        let change = Change::ContainerDeleted { container: container.to_string() };
        let effect = Some(Effect { change, content: None });
        Ok(Accepted { answer: Answer::ContainerDeleted, effect })
    }

    pub(super) fn container_properties(&self, container: &str) -> Decision<E> {
        let container = self.container(container)?;
        let metadata = container.metadata.clone();
        let properties = ContainerProperties { stamp: container.stamp, metadata };
        Ok(Accepted { answer: Answer::Container(properties), effect: None })
    }
}
