//! Paths: what a request is about.

use std::borrow::Cow;

use hyper::Method;
use percent_encoding::percent_decode_str;

/// What is done with a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Change,
    Read,
    Remove,
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Lead {
        act: Act,
        id: String,
    },
    Enrolment,
    Upload {
        campaign: String,
    },
    Countries,
    EnabledGroups,
    /// The ledger, which is no part of the API.
    Ledger,
    /// No such path, or not with this method. Also every unversioned path, as since 2026-07-31.
    Nowhere,
}

impl Route {
    pub(super) fn of(method: &Method, path: &str) -> Self {
        if path == "/__ledger" && method == Method::GET {
            return Self::Ledger;
        }
        let Some(path) = path.strip_prefix("/v1/") else {
            return Self::Nowhere;
        };
        let segments: Vec<_> = path.split('/').collect();
        match (method.as_str(), segments.as_slice()) {
            ("POST", ["campaigns-leads"]) => Self::Enrolment,
            ("POST", ["campaigns-leads", "upload-file", campaign]) if !campaign.is_empty() => {
                Self::Upload {
                    campaign: decoded(campaign),
                }
            }
            ("GET", ["phone-country-rules", "countries"]) => Self::Countries,
            ("GET", ["phone-country-rules", "enabled-network-groups"]) => Self::EnabledGroups,
            (method, ["campaigns-leads", id]) if !id.is_empty() => {
                let act = match method {
                    "PATCH" => Act::Change,
                    "GET" => Act::Read,
                    "DELETE" => Act::Remove,
                    _ => return Self::Nowhere,
                };
                Self::Lead {
                    act,
                    id: decoded(id),
                }
            }
            _ => Self::Nowhere,
        }
    }

    pub(super) fn is_change(&self) -> bool {
        matches!(
            self,
            Self::Lead {
                act: Act::Change,
                ..
            }
        )
    }

    /// The lead, or the campaign of an upload: what the ledger files a request under.
    pub(super) fn subject(&self) -> Option<&str> {
        match self {
            Self::Lead { id, .. } => Some(id),
            Self::Upload { campaign } => Some(campaign),
            _ => None,
        }
    }
}

pub(super) fn decoded(segment: &str) -> String {
    percent_decode_str(segment)
        .decode_utf8()
        .map_or_else(|_| segment.to_owned(), Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_apart() {
        let lead = |act, id: &str| Route::Lead {
            act,
            id: id.to_owned(),
        };
        let table = [
            (
                Method::PATCH,
                "/v1/campaigns-leads/lead_1",
                lead(Act::Change, "lead_1"),
            ),
            (
                Method::GET,
                "/v1/campaigns-leads/lead_1",
                lead(Act::Read, "lead_1"),
            ),
            (
                Method::DELETE,
                "/v1/campaigns-leads/a%2Fb%20%3F",
                lead(Act::Remove, "a/b ?"),
            ),
            (Method::PUT, "/v1/campaigns-leads/lead_1", Route::Nowhere),
            (Method::GET, "/campaigns-leads/lead_1", Route::Nowhere),
            (Method::GET, "/v1/campaigns-leads/a/b", Route::Nowhere),
            (Method::GET, "/v1/campaigns-leads/", Route::Nowhere),
            (Method::POST, "/v1/campaigns-leads", Route::Enrolment),
            (
                Method::POST,
                "/v1/campaigns-leads/upload-file/cmp_1",
                Route::Upload {
                    campaign: "cmp_1".to_owned(),
                },
            ),
            (
                Method::GET,
                "/v1/phone-country-rules/countries",
                Route::Countries,
            ),
            (Method::GET, "/__ledger", Route::Ledger),
            (Method::POST, "/__ledger", Route::Nowhere),
        ];
        for (method, path, wanted) in table {
            assert_eq!(Route::of(&method, path), wanted, "{method} {path}");
        }
    }
}
