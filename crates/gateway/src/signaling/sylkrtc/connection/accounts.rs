//! Requests about accounts.

use sip_stack::account::{AccountConfig, Ha1};
use sip_stack::command::Command;
use sylkrtc_protocol::{AccountAdd, AccountAddress, Dialect, Refusal};

use super::client::Client;
use crate::account::Account;
use crate::ledger::Kind;

impl Client {
    pub(super) async fn add_account(&mut self, add: AccountAdd) -> Result<(), Refusal> {
        let address = add.account;
        let backend = self.backend.clone();
        if self.accounts.contains_key(&address) {
            return Err(Refusal::AccountAlreadyAdded(address));
        }
        if !backend.rules.allows_domain(domain_without_port(&address)) {
            return Err(Refusal::DomainNotAllowed(address.domain().to_owned()));
        }
        let limit = backend.limits.accounts_per_socket;
        if self.accounts.len() >= limit {
            return Err(Refusal::TooManyAccounts(limit));
        }
        let id = backend.numbers.account();
        let user = address.user();
        let permissions = backend
            .rules
            .permissions(user, domain_without_port(&address));
        let config = AccountConfig {
            aor: address.as_str().to_owned(),
            display_name: add.display_name,
            username: None,
            ha1: Ha1::new(*add.password.as_bytes()),
            realms: backend.rules.realms(domain_without_port(&address)),
            outbound_proxy: backend.rules.outbound_proxy.clone(),
            transport: None,
            user_agent: add.user_agent,
            takes_messages: self.dialect == Dialect::V2,
            takes_calls: permissions.limits().may_receive,
            max_calls: permissions.limits().max_calls,
            expires: backend.rules.registration_expiry,
            instance: uuid::Uuid::new_v5(&self.instance, address.as_str().as_bytes()).to_string(),
        };
        let route = backend.directory.add_account(id, self.link.clone());
        let entry = backend.ledger.enter(Kind::Account);
        let prefixes = add.incoming_header_prefixes;
        let mut account = Account::new(id, prefixes, permissions, route, entry);
        account.explicit_ringing = add.explicit_ringing;
        self.accounts.insert(address.clone(), account);
        self.addresses.insert(id, address.clone());
        tracing::debug!(account = %id, "account added");
        let command = Command::AddAccount {
            account: id,
            config,
        };
        backend.sip.command(command).await;
        if add.register {
            self.register(address).await?;
        }
        Ok(())
    }

    pub(super) async fn remove_account(&mut self, address: AccountAddress) -> Result<(), Refusal> {
        let Some(account) = self.accounts.remove(&address) else {
            return Err(Refusal::UnknownAccountForRemove(address));
        };
        self.addresses.remove(&account.id);
        tracing::debug!(account = %account.id, "account removed");
        let command = Command::RemoveAccount {
            account: account.id,
        };
        self.backend.sip.command(command).await;
        Ok(())
    }

    pub(super) async fn register(&mut self, address: AccountAddress) -> Result<(), Refusal> {
        let Some(account) = self.accounts.get_mut(&address) else {
            return Err(Refusal::UnknownAccountForRegister(address));
        };
        account.expect_registration();
        let command = Command::Register {
            account: account.id,
        };
        self.backend.sip.command(command).await;
        Ok(())
    }

    pub(super) async fn unregister(&mut self, address: AccountAddress) -> Result<(), Refusal> {
        let Some(account) = self.accounts.get_mut(&address) else {
            return Err(Refusal::UnknownAccountForUnregister(address));
        };
        account.expect_silence();
        let command = Command::Unregister {
            account: account.id,
        };
        self.backend.sip.command(command).await;
        Ok(())
    }
}

/// The domain of an account without its port.
pub(super) fn domain_without_port(address: &AccountAddress) -> &str {
    let domain = address.domain();
    match domain.rfind(':') {
        Some(colon) if !domain[colon..].contains(']') => &domain[..colon],
        Some(_) | None => domain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_part_of_the_domain() {
        for (address, domain) in [
            ("a@sylk.test", "sylk.test"),
            ("a@sylk.test:5070", "sylk.test"),
            ("a@[::1]", "[::1]"),
            ("a@[::1]:5070", "[::1]"),
        ] {
            let address = AccountAddress::parse(address).expect("valid");
            assert_eq!(domain_without_port(&address), domain);
        }
    }
}
