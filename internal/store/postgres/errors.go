package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/group"
)

// Codes of PostgreSQL (appendix A of its manual) that mean something here.
const (
	divisionByZero        = "22012" // allOr22012
	uniqueViolation       = "23505"
	cardinalityViolation  = "21000" // two rows of one statement want the same row of a table
	readOnlyTransaction   = "25006" // the server is no primary any more
	undefinedTable        = "42P01"
	serializationFailure  = "40001"
	deadlockDetected      = "40P01"
	lockNotAvailable      = "55P03" // lock_timeout
	unknownPrepared       = "26000" // behind a pooler
	duplicatePrepared     = "42P05"
	invalidPassword       = "28P01"
	invalidAuthorization  = "28000"
	invalidCatalog        = "3D000"
	insufficientPrivilege = "42501"
)

// outages are codes, or the classes that begin with them, of a server that can't answer now: connections, resources,
// intervention by its operator, its disk.
var outages = []string{"08", "53", "57", "58", readOnlyTransaction, lockNotAvailable, serializationFailure, deadlockDetected}

var (
	errClosed = fmt.Errorf("%w: the store is closed", order.ErrUnavailable)
	errBusy   = fmt.Errorf("%w: postgres: no connection is free", order.ErrUnavailable)
	errDial   = fmt.Errorf("%w: postgres: no connection", order.ErrUnavailable)
	// errLost: the connection has ended before the answer; what was asked may have been done.
	errLost = fmt.Errorf("%w: postgres: connection lost", order.ErrUnavailable)
)

// state is the code of the server in the error; empty when there is none.
func state(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return ""
	}
	return e.Code
}

// answered says whether the server has answered with an error that ends the statement, and not the connection.
func answered(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.SeverityUnlocalized == "ERROR"
}

// unavailable says whether the server has said that it can't answer now.
func unavailable(err error) bool {
	return slices.ContainsFunc(outages, func(prefix string) bool { return strings.HasPrefix(state(err), prefix) })
}

// conflicting says whether the error may be that of a change that conflicts with what is stored.
func conflicting(err error) bool {
	switch state(err) {
	case divisionByZero, uniqueViolation, cardinalityViolation:
		return true
	}
	return false
}

// spoiled says whether the connection is not to be used again, nor any that is as old: the server has gone, or takes no
// writes any more.
func spoiled(err error) bool {
	return errors.Is(err, errLost) || state(err) == readOnlyTransaction || strings.HasPrefix(state(err), "57P")
}

// repeatable says whether nothing was done, for sure, and may be done the next time.
func repeatable(err error) bool {
	switch state(err) {
	case serializationFailure, deadlockDetected, readOnlyTransaction:
		return answered(err)
	}
	return pgconn.SafeToRetry(err)
}

// fault turns an error of the driver into one that the Store interface knows. Its text is for the log.
func fault(err error) error {
	if err == nil {
		return nil
	}
	var conflict *order.ConflictError
	if errors.As(err, &conflict) || errors.Is(err, order.ErrUnavailable) || errors.Is(err, order.ErrNotFound) {
		return err
	}
	code := state(err)
	if unavailable(err) || errors.Is(err, group.ErrBegin) || errors.Is(err, group.ErrUnknown) || conflicting(err) {
		return fmt.Errorf("%w: postgres: %w", order.ErrUnavailable, err)
	}
	if code == unknownPrepared || code == duplicatePrepared {
		return fmt.Errorf("postgres: %w; if there is a pooler before the database, say --database-pooler=transaction", err)
	}
	return fmt.Errorf("postgres: %w", err)
}

// ended prefers the error of the caller's context to what the driver says of its end.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return fault(err)
}
