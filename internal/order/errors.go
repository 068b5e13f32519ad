package order

import (
	"errors"
	"fmt"
)

// Reason says why a use case refused; its text is that of the contract's enum of error reasons.
type Reason string

// The reasons of the domain.
const (
	InvalidField          Reason = "INVALID_FIELD"
	AmountTooPrecise      Reason = "AMOUNT_TOO_PRECISE"
	AmountOutOfRange      Reason = "AMOUNT_OUT_OF_RANGE"
	CurrencyMismatch      Reason = "CURRENCY_MISMATCH"
	IdempotencyKeyReused  Reason = "IDEMPOTENCY_KEY_REUSED"
	ResourceNotFound      Reason = "RESOURCE_NOT_FOUND"
	ResourceAlreadyExists Reason = "RESOURCE_ALREADY_EXISTS"
	ExternalIDTaken       Reason = "EXTERNAL_ID_TAKEN"
	SKUTaken              Reason = "SKU_TAKEN"
	ResourceNotDeleted    Reason = "RESOURCE_NOT_DELETED"
	InvalidTransition     Reason = "INVALID_TRANSITION"
	NotEditable           Reason = "NOT_EDITABLE"
	ResourceDeleted       Reason = "RESOURCE_DELETED"
	NotRepresentableInV1  Reason = "NOT_REPRESENTABLE_IN_V1"
	EtagMismatch          Reason = "ETAG_MISMATCH"
	IfMatchFailed         Reason = "IF_MATCH_FAILED"
	ConcurrentChange      Reason = "CONCURRENT_CHANGE"
	ServiceUnavailable    Reason = "SERVICE_UNAVAILABLE"
)

// Error is why a use case refused, in terms of the domain. The message is for people; the rest is for programs.
type Error struct {
	Reason        Reason
	Message       string
	Violations    []Violation
	Preconditions []Precondition
	Resource      string // resource name, e.g. "orders/102"
}

// Violation is one field that breaks a rule. The path is relative to the resource, e.g. "line_items[2].unit_price".
type Violation struct {
	Field       string
	Description string
}

// Precondition is one thing that must hold before the call can succeed.
type Precondition struct {
	Type        string // e.g. "STATE"
	Subject     string // resource name
	Description string
}

func (e *Error) Error() string { return string(e.Reason) + ": " + e.Message }

// Is makes errors.Is compare reasons.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Reason == e.Reason
}

// at turns the refusal of one value into that of the field it stands in.
func (e *Error) at(field string) *Error {
	return &Error{Reason: e.Reason, Message: field + ": " + e.Message, Violations: []Violation{{Field: field, Description: e.Message}}}
}

func invalid(field, format string, args ...any) *Error {
	return (&Error{Reason: InvalidField, Message: fmt.Sprintf(format, args...)}).at(field)
}

func notFound(name string) *Error {
	return &Error{Reason: ResourceNotFound, Message: name + " does not exist", Resource: name}
}

func alreadyExists(name string) *Error {
	return &Error{Reason: ResourceAlreadyExists, Message: name + " exists already; choose another id", Resource: name}
}

// OrderName is the resource name of an order.
func OrderName(id string) string { return "orders/" + id }

// ProductName is the resource name of a product.
func ProductName(id string) string { return "products/" + id }

// ShipmentName is the resource name of a shipment.
func ShipmentName(id string) string { return "shipments/" + id }

// What a Store answers, besides errors of its own.
var (
	// ErrNotFound: there is no such row for this tenant.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable: the store can't answer now.
	ErrUnavailable = errors.New("store unavailable")
)
